/** The training in progress: how far, how fast, its curves, and the images followed through it. */
import { useState } from "preact/hooks";
import { Curve } from "../parts/curve.tsx";
import { end, stop, type Live } from "../state/training.ts";
import { FIGURES, lineOf } from "./figures.ts";
import { FollowedImages } from "./followed-images.tsx";
import { duration, rate } from "./words.ts";

export function Progress({ now }: { now: Live }) {
  const { steps, speed, left, doing, losses, records, remarks, stopping, name, config, followed } = now;
  const [asked, setAsked] = useState(false);
  return (
    <section aria-labelledby="running">
      <h2 id="running">{name ?? "New run"}</h2>
      <div class="progress">
        <p role="status">
          {doing}
          {speed !== undefined && `, ${rate(speed)} images/s`}
          {left !== undefined && `, about ${duration(left)} left`}…
        </p>
        <progress value={steps.total > 0 ? steps.done : undefined} max={steps.total || undefined} aria-label="Steps" />
        <div class="toolbar">
          <button onClick={stop} disabled={stopping}>
            Pause
          </button>
          {asked ? (
            <button class="bad" onClick={end} disabled={stopping}>
              End it for good, with what it has learned
            </button>
          ) : (
            <button onClick={() => setAsked(true)} disabled={stopping}>
              Stop…
            </button>
          )}
        </div>
      </div>
      <p class="small dim">
        It goes on in a hidden tab. Pause saves it, to be resumed. Stop ends it: the best weights so far, the last ones
        and all figures stay, and it cannot be resumed. A closed or crashed tab loses at most a minute, and the run is
        resumed to the same weights as if nothing had happened.
      </p>
      {remarks.map((text) => (
        <p key={text} class="small">
          {text}
        </p>
      ))}
      <div class="curves">
        <Curve
          title="Loss"
          x="step"
          lines={[{ name: "loss", points: losses.map(({ step, loss }) => ({ x: step, y: loss })) }]}
        />
        <Curve
          title="Held-out images"
          x="epoch"
          lines={FIGURES.flatMap(([key, title]) => lineOf(title, key, records))}
          range={[0, 1]}
        />
      </div>
      {followed && <FollowedImages {...followed} config={config} />}
    </section>
  );
}
