/** The runs of this browser: resumed, reported, saved, noted on, compared, deleted. */
import { useState } from "preact/hooks";
import { computeWorker } from "../state/engine.ts";
import { messageOf, say } from "../state/messages.ts";
import { addressOf } from "../state/route.ts";
import { save } from "../state/save.ts";
import { listRuns, live, resume, runs } from "../state/training.ts";
import type { RunInfo } from "../worker/run-list.ts";
import { Compared } from "./compared.tsx";
import { FIGURES, lastFigures } from "./figures.ts";
import { Note } from "./note.tsx";
import { OpenRuns } from "./open-runs.tsx";

export function Runs() {
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
                {FIGURES.map(([key, title]) => (
                  <th key={key} scope="col">
                    {title}
                  </th>
                ))}
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
      {all.length > 0 && (
        <p class="small dim">An exported run names its images, and has pictures of those that were followed.</p>
      )}
      {compared.length > 0 && <Compared runs={compared} />}
      <OpenRuns />
    </section>
  );
}

/** Does something with a run, and says what went wrong. */
const trying = (work: Promise<unknown>): void => void work.catch((error: unknown) => say(messageOf(error)));

function Row({ run, chosen, choose }: { run: RunInfo; chosen: boolean; choose: (on: boolean) => void }) {
  const { name, config, title, records, summary, hasCheckpoint } = run;
  const [asked, setAsked] = useState(false);
  const figures = lastFigures(records);
  const epochs = Object.values(config.epochs).reduce((a, b) => a + b, 0);
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
      <td>
        {name}
        <Note run={run} />
      </td>
      <td>{title}</td>
      <td>
        {records.length} of {epochs}
        {summary?.stopped && ", stopped"}
      </td>
      {FIGURES.map(([key]) => (
        <td key={key}>{figures[key]?.toFixed(3)}</td>
      ))}
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
            <a class="button" href={addressOf("report", name)} aria-label={`Report of ${name}`}>
              Report
            </a>
          )}
          {hasCheckpoint && (
            <button aria-label={`Save the checkpoint of ${name}`} onClick={() => trying(download(name))}>
              Checkpoint
            </button>
          )}
          {!running && (records.length > 0 || hasCheckpoint) && (
            <button
              aria-label={`Export ${name}`}
              onClick={() =>
                trying(
                  computeWorker()
                    .exportRun(name)
                    .then((zip) => save(`${name}.zip`, zip)),
                )
              }
            >
              Export
            </button>
          )}
          {!running &&
            (asked ? (
              <button class="bad" onClick={() => trying(computeWorker().removeRun(name).then(listRuns))}>
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
      if (file === "last.safetensors") throw error;
    }
  }
}
