/** How far the runs of a study are, as their folders tell. */
import type { EpochRecord } from "../train/training.ts";
import type { Group, Place, RunKey } from "../study/plan.ts";
import { keptPredictions } from "./predictions.ts";
import { startsShared } from "../study/plan.ts";
import { sharedPhase } from "../train/pretrained.ts";
import { damageIn } from "./damage.ts";
import { hasCheckpoint, isComplete, readRecords, readSummary, secondsOf } from "./run.ts";
import { readJson, toJson, type Store } from "./store.ts";
import type { StudyFolder } from "./study-folder.ts";

/**
 * Whether a run is trained, and evaluated on all the study's sides. A shared phase is only trained; one whose weights are gone, as from
 * an archive, counts as long as no row is left to start from it.
 */
export const isFinished = async (folder: StudyFolder, place: Place): Promise<boolean> =>
  (await lookAt(folder, place)).finished;

/** The same, and what is wrong with the files of a run that would be finished if they could be read. */
export async function lookAt(folder: StudyFolder, place: Place): Promise<{ finished: boolean; damage?: string }> {
  let finished = false;
  const damage = await damageIn(async () => (finished = await endedBy(folder, place)));
  return damage === undefined ? { finished } : { finished: false, damage };
}

/** @throws what reading the run's files throws */
async function endedBy(folder: StudyFolder, place: Place): Promise<boolean> {
  const { sides, checkpoint } = folder.study;
  const store = folder.runStore(place);
  if (!(await isComplete(store))) return false;
  await readSummary(store);
  if (place.row === null) return (await hasCheckpoint(store)) || !(await isAwaited(folder, place));
  for (const side of sides) if (!(await keptPredictions(store, checkpoint, side))) return false;
  return sides.length > 0;
}

/** Whether a row has yet to start from its shared phase, and so needs that phase's weights. */
export async function awaitsShared(folder: StudyFolder, run: RunKey): Promise<boolean> {
  const store = folder.runStore(run);
  return startsShared(folder.study.config, run) && !(await isComplete(store)) && !(await hasCheckpoint(store));
}

/** Whether rows have yet to start from a shared phase. */
async function isAwaited(folder: StudyFolder, { seed, fold }: Place): Promise<boolean> {
  for (const run of folder.study.runs) {
    if (run.row === null || run.seed !== seed || run.fold !== (fold ?? null)) continue;
    if (await awaitsShared(folder, { row: run.row, seed, fold })) return true;
  }
  return false;
}

/** The unfinished runs of a study. */
export async function unfinishedRuns(folder: StudyFolder, groups: readonly Group[]): Promise<Set<RunKey>> {
  const todo = new Set<RunKey>();
  for (const run of groups.flatMap(({ runs }) => runs)) if (!(await isFinished(folder, run))) todo.add(run);
  return todo;
}

/** Records in study.json what has ended: whoever ended it may have been killed before that. */
export async function noteEnded(folder: StudyFolder): Promise<void> {
  await folder.refresh();
  for (const { row, seed, fold, state } of [...folder.study.runs]) {
    const place: Place = { row, seed, fold: fold ?? undefined };
    const store = folder.runStore(place);
    if (state === "finished" || !(await isComplete(store)) || !(await isFinished(folder, place))) continue;
    const records = await recordsOf(store);
    const shares = row !== null && startsShared(folder.study.config, { ...place, row });
    const before = shares ? secondsOf(records, sharedPhase(folder.configOf(place))!.name) : 0;
    await folder.note(place, "finished", secondsOf(records) - before);
  }
}

/** The epochs that a run has recorded; none if they cannot be read: of a finished run, only times are told from them. */
export const recordsOf = async (store: Store): Promise<EpochRecord[]> => {
  let records: EpochRecord[] = [];
  await damageIn(async () => (records = await readRecords(store)));
  return records;
};

/** Why a run cannot be trained: it is left alone until somebody asks for it again. */
export interface Failure {
  /** One line. */
  message: string;
  /** The machine, and when by its clock, as ISO 8601; absent if whoever looks on has found it. */
  host?: string;
  at?: string;
}

/** Named like a store's own files: it is no part of the run. */
const FAILURE = ".mganet-failure.json";

export const recordFailure = (store: Store, failure: Failure): Promise<void> => store.write(FAILURE, toJson(failure));

export const forgetFailure = (store: Store): Promise<void> => store.remove(FAILURE);

export async function failureOf(store: Store): Promise<Failure | undefined> {
  if (!(await store.exists(FAILURE))) return undefined;
  let read: unknown;
  const damage = await damageIn(async () => (read = await readJson(store, FAILURE)));
  const { message, host, at } = (read ?? {}) as Partial<Failure>;
  const text = (value: unknown) => (typeof value === "string" ? value : "unknown");
  return { message: damage ?? text(message), host: text(host), at: text(at) };
}
