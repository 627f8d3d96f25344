/** The report of any run, as the command line writes it, and the images that were followed through it. */
import { useEffect, useState } from "preact/hooks";
import type { Followed } from "../../src/runs/followed.ts";
import { ReportFrame } from "../report/frame.tsx";
import { computeWorker } from "../state/engine.ts";
import { messageOf, say } from "../state/messages.ts";
import { addressOf, go, route } from "../state/route.ts";
import { save } from "../state/save.ts";
import { listRuns, runs } from "../state/training.ts";
import { FollowedImages } from "../train/followed-images.tsx";
import type { ReportRequest } from "../worker/report.ts";
import type { RunInfo } from "../worker/run-list.ts";

export function Report() {
  useEffect(() => void listRuns(), []);
  const all = runs.value?.filter(({ records }) => records.length > 0);
  const run = all?.find(({ name }) => name === route.value.of) ?? (route.value.of === undefined ? all?.[0] : undefined);
  return (
    <>
      <h1>Report</h1>
      {!all && <p role="status">Looking for runs…</p>}
      {all?.length === 0 && (
        <p>
          There is no run with an epoch yet. <a href={addressOf("train")}>Train one</a>.
        </p>
      )}
      {all && all.length > 0 && (
        <div class="filters">
          <label>
            Run
            <select value={run?.name ?? ""} onChange={(event) => go("report", event.currentTarget.value)}>
              {!run && <option value="">choose one</option>}
              {all.map(({ name, note }) => (
                <option key={name} value={name}>
                  {note === "" ? name : `${name}: ${note}`}
                </option>
              ))}
            </select>
          </label>
        </div>
      )}
      {all && all.length > 0 && !run && <p class="warning">There is no run {route.value.of}.</p>}
      {run && <OfRun key={run.name} run={run} />}
    </>
  );
}

function OfRun({ run: { name, config } }: { run: RunInfo }) {
  const [html, setHtml] = useState<string>();
  const [doing, setDoing] = useState<string>();
  const [followed, setFollowed] = useState<Followed | null>(null);

  const make = async (request: ReportRequest) => {
    setDoing("Reading the run");
    try {
      const made = await computeWorker().report(name, request, { onEvent: setDoing });
      setHtml(made.html);
    } catch (error) {
      say(messageOf(error));
    }
    setDoing(undefined);
  };
  useEffect(() => {
    void make({});
    computeWorker()
      .followed(name)
      .then(setFollowed, (error: unknown) => say(messageOf(error)));
  }, [name]);

  return (
    <>
      <div class="toolbar">
        <button disabled={doing !== undefined} onClick={() => void make({ pictures: true })}>
          Add pictures of images
        </button>
        <button disabled={doing !== undefined} onClick={() => void make({ pictures: true, activations: true })}>
          Add pictures and activations
        </button>
        <button
          class="main"
          disabled={html === undefined || doing !== undefined}
          onClick={() => save(`${name}-report.html`, html!, "text/html")}
        >
          Save as a file
        </button>
        <span role="status" class="dim">
          {doing !== undefined && `${doing}…`}
        </span>
      </div>
      {html !== undefined && <ReportFrame html={html} title={`Report of ${name}`} />}
      {followed && <FollowedImages {...followed} config={config} />}
    </>
  );
}
