/** The threshold, the figures that follow it, and what is said of all images together. */
import { showFilm } from "../../src/runs/films.ts";
import { foreignClasses, results, threshold, trainedOnThese } from "../state/predictions.ts";
import { loopsOf } from "./export.ts";
import { figures, readings, truthKnown, visible, wrongOnly } from "./shown.ts";
import { LeftOutTable, MOST_LISTED } from "../parts/left-out-table.tsx";

export const THRESHOLD_STEP = 0.01;

/** Sets it in whole steps, within its range. */
export function setThreshold(value: number): void {
  threshold.value = Math.min(1, Math.max(0, Math.round(value / THRESHOLD_STEP) * THRESHOLD_STEP));
}

export function Figures() {
  const { classes, classifies } = results.value!.model;
  const { images, figures: all } = figures.value;
  return (
    <>
      {!classifies && <p>The classifier of this model has not been trained yet: outlines only.</p>}
      {classifies && classes.names.length === 2 && (
        <label class="threshold">
          <span>
            {classes.names[classes.positive]} from <b>{threshold.value.toFixed(2)}</b> on
          </span>
          <input
            type="range"
            min={0}
            max={1}
            step={THRESHOLD_STEP}
            value={threshold.value}
            onInput={(event) => setThreshold(event.currentTarget.valueAsNumber)}
          />
        </label>
      )}
      {images > 0 && (
        <>
          <dl class="figures" aria-label="Figures">
            {all.map(({ name, measure }) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>
                  {measure.value === null ? <span class="small dim">{measure.reason}</span> : measure.value.toFixed(3)}
                </dd>
              </div>
            ))}
          </dl>
          <p class="small dim">Of the {images} images whose class is known.</p>
        </>
      )}
      {trainedOnThese.value && (
        <p class="small fault">
          This model was trained on images of this project: how well it does on them says nothing about new ones.
        </p>
      )}
      {foreignClasses.value.length > 0 && (
        <p class="small">
          The model does not know {foreignClasses.value.map((name) => `"${name}"`).join(", ")}: such images count in no
          figure.
        </p>
      )}
      {truthKnown.value && (
        <label class="check">
          <input
            type="checkbox"
            checked={wrongOnly.value}
            onChange={(event) => (wrongOnly.value = event.currentTarget.checked)}
          />
          wrong only
        </label>
      )}
      <p class="small dim" role="status">
        {visible.value.length === readings.value.length
          ? `${readings.value.length} images`
          : `${visible.value.length} of ${readings.value.length} images`}
      </p>
    </>
  );
}

export function Loops() {
  const loops = loopsOf(readings.value, results.value!.model);
  if (loops.length === 0) return null;
  return (
    <details open>
      <summary>{loops.length === 1 ? "1 film loop" : `${loops.length} film loops`}</summary>
      <ul>
        {loops.slice(0, MOST_LISTED).map((loop) => (
          <li key={loop.image}>{showFilm(loop)}</li>
        ))}
      </ul>
    </details>
  );
}

export function LeftOut() {
  const { left } = results.value!;
  if (left.length === 0) return null;
  return (
    <details>
      <summary>{left.length === 1 ? "1 image left out" : `${left.length} images left out`}</summary>
      <div class="scroll" tabIndex={0} role="region" aria-label="Images left out">
        <LeftOutTable left={left} />
      </div>
      {left.length > MOST_LISTED && <p class="small dim">The others are in the JSON.</p>}
    </details>
  );
}
