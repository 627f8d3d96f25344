/** Prints what each run of a study is doing. */
import { plural } from "../report/show.ts";
import type { StudyFolder } from "../runs/study-folder.ts";
import { failureText } from "../runs/study-retry.ts";
import type { RunStateNow, RunStatus } from "../runs/study-status.ts";
import { runTitle } from "../study/plan.ts";
import { clock } from "./progress.ts";
import { visibleName } from "./terminal.ts";

const order: readonly RunStateNow[] = ["finished", "running", "paused", "lost", "waiting", "failed"];

/** One line a run, and one for all. */
export function showStatus({ study }: Pick<StudyFolder, "study">, all: readonly RunStatus[]): string[] {
  const width = Math.max(...all.map((run) => titleOf(run).length));
  const lines = all.map((run) => {
    const text = `${String(run.index).padStart(4)}  ${titleOf(run).padEnd(width)}  ${run.state.padEnd(8)}  ${detailOf(run)}`;
    return visibleName(text.trimEnd());
  });
  return [...lines, `${plural(all.length, "run")} on ${study.data || "images not read yet"}: ${summaryOf(all)}`];
}

/** "3 finished, 2 running; about 1:20 of training left". */
export function summaryOf(all: readonly RunStatus[]): string {
  const counts = order.flatMap((state) => {
    const count = all.filter((run) => run.state === state).length;
    return count > 0 ? [`${count} ${state}`] : [];
  });
  const left = secondsLeft(all);
  const rest = left === undefined ? "" : `; about ${clock(left)} of training left, over all processes`;
  return `${counts.join(", ")}${rest}`;
}

/** "Base, seed 0"; of a shared phase its folder. */
export const titleOf = ({ place: { row, seed, fold }, dir }: RunStatus): string =>
  row === null ? dir : runTitle({ row, seed, fold });

/** What there is to say of a run beside its state. */
export function detailOf({ state, holder, pace, failure, epochs, anew, seconds }: RunStatus): string {
  if (state === "finished") return `in ${clock(seconds)}`;
  if (state === "failed") return failureText(failure!);
  if (state === "lost") return `its process ${holder!.pid} on ${holder!.host} is gone; the next one takes it over`;
  if (state === "running") {
    const where = `on ${holder!.host}, process ${holder!.pid}`;
    if (!pace) return `${where}, preparing`;
    const { stage, epoch, epochs, imagesASecond, secondsAStep, left } = pace;
    const speed = imagesASecond === null ? "" : `, ${imagesASecond.toPrecision(3)} images/s`;
    const rest = secondsAStep === null ? "" : `, ${clock(secondsAStep * left)} left`;
    const known = holder!.life === "unknown" ? ` (last seen ${pace.at.slice(0, 19)} UTC by its clock)` : "";
    return `${where}: ${stage} ${epoch}/${epochs}${speed}${rest}${known}`;
  }
  if (state !== "paused") return "";
  return `after ${plural(epochs, "epoch")}${anew ? ", whose weights are gone: it begins anew" : ""}`;
}

const isOver = ({ state }: RunStatus): boolean => state === "finished" || state === "failed";

/** By the time that finished runs of the same kind took; undefined if none is known. */
function secondsLeft(all: readonly RunStatus[]): number | undefined {
  if (all.every(isOver)) return undefined;
  let sum = 0;
  for (const run of all) {
    if (isOver(run)) continue;
    if (run.pace && run.pace.secondsAStep !== null) {
      sum += run.pace.secondsAStep * run.pace.left;
      continue;
    }
    const like = all.filter(
      ({ state, place, seconds }) => state === "finished" && place.row === run.place.row && seconds > 0,
    );
    if (like.length === 0) return undefined;
    sum += like.reduce((a, { seconds }) => a + seconds, 0) / like.length;
  }
  return sum;
}
