/** How far the runs of a study are, as their folders tell. */
import type { Group, Place, RunKey } from "../study/plan.ts";
import { keptPredictions } from "./predictions.ts";
import { isComplete } from "./run.ts";
import { readJson, toJson, type Store } from "./store.ts";
import type { StudyFolder } from "./study-folder.ts";

/** Whether a run is trained, and evaluated on all the study's sides; a shared phase is only trained. */
export async function isFinished(folder: StudyFolder, place: Place): Promise<boolean> {
  const { sides, checkpoint } = folder.study;
  const store = folder.runStore(place);
  if (!(await isComplete(store))) return false;
  if (place.row === null) return true;
  for (const side of sides) if (!(await keptPredictions(store, checkpoint, side))) return false;
  return sides.length > 0;
}

/** The unfinished runs of a study. */
export async function unfinishedRuns(folder: StudyFolder, groups: readonly Group[]): Promise<Set<RunKey>> {
  const todo = new Set<RunKey>();
  for (const run of groups.flatMap(({ runs }) => runs)) if (!(await isFinished(folder, run))) todo.add(run);
  return todo;
}

/** Why a run cannot be trained: it is left alone until somebody asks for it again. */
export interface Failure {
  /** One line. */
  message: string;
  /** The machine, and when by its clock, as ISO 8601. */
  host: string;
  at: string;
}

/** Named like a store's own files: it is no part of the run. */
const FAILURE = ".mganet-failure.json";

export const recordFailure = (store: Store, failure: Failure): Promise<void> => store.write(FAILURE, toJson(failure));

export const forgetFailure = (store: Store): Promise<void> => store.remove(FAILURE);

export async function failureOf(store: Store): Promise<Failure | undefined> {
  if (!(await store.exists(FAILURE))) return undefined;
  const { message, host, at } = (await readJson(store, FAILURE)) as Partial<Failure>;
  const text = (value: unknown) => (typeof value === "string" ? value : "unknown");
  return { message: text(message), host: text(host), at: text(at) };
}
