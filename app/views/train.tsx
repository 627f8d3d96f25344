/** Training: what, on what, what it costs; then how it goes; then the runs that there are. */
import { useEffect, useState } from "preact/hooks";
import { Curve, type Line } from "../parts/curve.tsx";
import { duration } from "../parts/duration.ts";
import { NewRun } from "../parts/new-run.tsx";
import { adapter, computeWorker } from "../state/engine.ts";
import { live, listRuns, resume, runs, stop, type Live } from "../state/training.ts";
import { messageOf, say } from "../state/messages.ts";
import { addressOf } from "../state/route.ts";
import { save } from "../state/save.ts";
import type { RunInfo } from "../worker/compute.ts";

export function Train() {
  useEffect(() => void listRuns(), []);
  const now = live.value;
  return (
    <>
      <h1>Train</h1>
      {now ? <Progress now={now} /> : adapter.value.kind === "missing" ? <NoGpu /> : <NewRun />}
      <Runs />
    </>
  );
}

function NoGpu() {
  return (
    <p class="warning">
      Without WebGPU nothing can be trained here: <a href={addressOf("start")}>what to do</a>.
    </p>
  );
}

function Progress({ now }: { now: Live }) {
  const { steps, speed, left, doing, losses, records, remarks, stopping, name } = now;
  return (
    <section aria-labelledby="running">
      <h2 id="running">{name ?? "New run"}</h2>
      <div class="progress">
        <p role="status">
          {doing}
          {speed !== undefined && `, ${speed.toFixed(speed < 10 ? 1 : 0)} images/s`}
          {left !== undefined && `, about ${duration(left)} left`}…
        </p>
        <progress value={steps.total > 0 ? steps.done : undefined} max={steps.total || undefined} aria-label="Steps" />
        <button onClick={stop} disabled={stopping}>
          Pause
        </button>
      </div>
      <p class="small dim">
        It goes on in a hidden tab. Pause saves it; a closed or crashed tab loses at most a minute, and the run is
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
          lines={FIGURES.flatMap(([key, name]) => lineOf(name, key, records))}
          range={[0, 1]}
        />
      </div>
    </section>
  );
}

const FIGURES = [
  ["f1", "F1"],
  ["auc", "AUC"],
  ["dice", "Dice"],
] as const;

/** A figure over the epochs of all phases; none where no epoch has it. */
function lineOf(name: string, key: (typeof FIGURES)[number][0], records: RunInfo["records"]): Line[] {
  const points = records.flatMap(({ validation }, i) => {
    const value = validation?.[key];
    return value === undefined ? [] : [{ x: i + 1, y: value }];
  });
  return points.length > 0 ? [{ name, points }] : [];
}

/** "2:05", "1:02:03". */
function Runs() {
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const all = runs.value;
  if (!all) return null;
  const compared = all.filter(({ name }) => chosen.includes(name));
  return (
    <section aria-labelledby="runs">
      <h2 id="runs">Runs</h2>
      {all.length === 0 && <p class="dim">None yet. They are kept in this browser.</p>}
      {all.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label="Table of runs">
          <table>
            <thead>
              <tr>
                <th scope="col">Compare</th>
                <th scope="col">Run</th>
                <th scope="col">Model</th>
                <th scope="col">Epochs</th>
                <th scope="col">F1</th>
                <th scope="col">AUC</th>
                <th scope="col">Dice</th>
                <th scope="col">Actions</th>
              </tr>
            </thead>
            <tbody>
              {all.map((run) => (
                <Row
                  key={run.name}
                  run={run}
                  chosen={chosen.includes(run.name)}
                  choose={(on) => setChosen(on ? [...chosen, run.name] : chosen.filter((name) => name !== run.name))}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {compared.length > 0 && (
        <div class="curves">
          {FIGURES.map(([key, title]) => (
            <Curve
              key={key}
              title={`${title} of held-out images`}
              x="epoch"
              range={[0, 1]}
              lines={compared.flatMap(({ name, records }) => lineOf(name, key, records))}
            />
          ))}
        </div>
      )}
    </section>
  );
}

function Row({ run, chosen, choose }: { run: RunInfo; chosen: boolean; choose: (on: boolean) => void }) {
  const { name, config, title, records, summary } = run;
  const [asked, setAsked] = useState(false);
  const last = records.findLast(({ validation }) => validation)?.validation;
  const epochs = Object.values(config.epochs).reduce((a, b) => a + b, 0);
  const figure = (value: number | undefined) => <td>{value === undefined ? "" : value.toFixed(3)}</td>;
  const running = live.value?.name === name;
  return (
    <tr>
      <td>
        <input
          type="checkbox"
          aria-label={`Compare ${name}`}
          checked={chosen}
          onChange={(e) => choose(e.currentTarget.checked)}
        />
      </td>
      <td>{name}</td>
      <td>{title}</td>
      <td>
        {records.length} of {epochs}
      </td>
      {figure(last?.f1)}
      {figure(last?.auc)}
      {figure(last?.dice)}
      <td>
        <div class="toolbar">
          {!summary && !running && (
            <button
              class="main"
              aria-label={`Resume ${name}`}
              onClick={() => void resume(run)}
              disabled={live.value !== undefined}
            >
              Resume
            </button>
          )}
          {records.length > 0 && (
            <button aria-label={`Save the checkpoint of ${name}`} onClick={() => void download(name)}>
              Save
            </button>
          )}
          {!running &&
            (asked ? (
              <button
                class="bad"
                onClick={() =>
                  void computeWorker()
                    .removeRun(name)
                    .then(listRuns, (error: unknown) => say(messageOf(error)))
                }
              >
                Delete for good
              </button>
            ) : (
              <button aria-label={`Delete ${name}`} onClick={() => setAsked(true)}>
                Delete…
              </button>
            ))}
        </div>
      </td>
    </tr>
  );
}

/** The best checkpoint, or else the last, which the command line reads. */
async function download(name: string): Promise<void> {
  for (const file of ["best.safetensors", "last.safetensors"]) {
    try {
      save(`${name}-${file}`, await computeWorker().file(name, file));
      return;
    } catch (error) {
      if (file === "last.safetensors") say(messageOf(error));
    }
  }
}
