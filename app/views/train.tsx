/** Training: what, on what, what it costs; then how it goes; then the runs that there are. */
import { useEffect } from "preact/hooks";
import { NewRun } from "../parts/new-run.tsx";
import { adapter } from "../state/engine.ts";
import { addressOf } from "../state/route.ts";
import { ended, listRuns, live } from "../state/training.ts";
import { Progress } from "../train/progress.tsx";
import { Runs } from "../train/runs-table.tsx";

export function Train() {
  useEffect(() => void listRuns(), []);
  const now = live.value;
  const last = ended.value;
  return (
    <>
      <h1>Train</h1>
      {!now && last && (
        <p role="status">
          {last.name} {last.stopped ? "was stopped" : "has finished"}:{" "}
          <a href={addressOf("report", last.name)}>its report</a>.
        </p>
      )}
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
