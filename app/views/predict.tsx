/** Prediction: which model, of which images; then the table, and one image in full. */
import "../worker/strict.ts";
import { useEffect } from "preact/hooks";
import { duration } from "../parts/duration.ts";
import { ModelPicker } from "../parts/model-picker.tsx";
import { Detail } from "../predict/detail.tsx";
import { Exports } from "../predict/exports.tsx";
import { Figures, LeftOut, Loops } from "../predict/figures.tsx";
import { Keys, useKeys } from "../predict/keys.tsx";
import { ResultTable } from "../predict/result-table.tsx";
import { Sources } from "../predict/sources.tsx";
import { NOTE } from "../predict/words.ts";
import { adapter, computeWorker } from "../state/engine.ts";
import { model } from "../state/models.ts";
import { predictAgain, progress, results, stop, type Progress, type Results } from "../state/predictions.ts";
import { addressOf } from "../state/route.ts";

export function Predict() {
  useKeys();
  const asked = model.value?.id;
  // While a user looks for images; what fails then fails again, and is told, when it is asked.
  useEffect(() => {
    if (asked !== undefined && adapter.value.kind !== "missing")
      void computeWorker()
        .warm(asked)
        .catch(() => {});
  }, [asked]);
  const now = results.value;
  return (
    <>
      <h1>Predict and explain</h1>
      <p class="research">{NOTE}</p>
      {adapter.value.kind === "missing" ? (
        <p class="warning">
          Without WebGPU nothing can be predicted here: <a href={addressOf("start")}>what to do</a>.
        </p>
      ) : (
        <>
          <ModelPicker />
          {now ? (
            <details>
              <summary>Predict other images</summary>
              <Sources />
            </details>
          ) : (
            <Sources />
          )}
        </>
      )}
      {progress.value && <Going now={progress.value} />}
      {now && now.rows.length > 0 && <Found now={now} />}
      {now && <LeftOut />}
    </>
  );
}

function Going({ now: { done, total, speed, left, stopping } }: { now: Progress }) {
  return (
    <div class="progress">
      <p role="status">
        {stopping
          ? "Stopping"
          : done === 0
            ? "Opening the model and the first images"
            : `Predicted ${done} of ${total}`}
        {speed !== undefined && `, ${speed.toFixed(speed < 10 ? 1 : 0)} images/s`}
        {left !== undefined && `, about ${duration(left)} left`}…
      </p>
      <progress value={done} max={total} aria-label="Predicted" />
      <button onClick={stop} disabled={stopping}>
        Stop
      </button>
    </div>
  );
}

function Found({ now }: { now: Results }) {
  const chosen = model.value;
  return (
    <>
      <section aria-labelledby="found">
        <h2 id="found">{now.title}</h2>
        <p>
          By <b>{now.model.name}</b>, {now.model.title}
          {now.note !== undefined && `. ${now.note}`}.
        </p>
        {chosen && chosen.id !== now.model.id && !progress.value && (
          <p>
            <button onClick={() => void predictAgain(chosen)}>Predict again with {chosen.name}</button>
          </p>
        )}
        <div class="predicted">
          <div>
            <Figures />
            <ResultTable />
            <Loops />
          </div>
          <Detail />
        </div>
      </section>
      <Exports />
      <Keys />
    </>
  );
}
