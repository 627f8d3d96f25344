/** Has failed runs of a study tried again: what keeps one from going on is taken away, no more. */
import { runTitle, type Place } from "../study/plan.ts";
import { damageIn } from "./damage.ts";
import { keptPredictions } from "./predictions.ts";
import {
  beginAgain,
  forgetSummary,
  hasCheckpoint,
  isComplete,
  keepReadableRecords,
  LAST,
  predictionsFile,
  readCheckpoint,
  readRecords,
  readSummary,
} from "./run.ts";
import type { SharedStore } from "./store.ts";
import type { StudyFolder } from "./study-folder.ts";
import { awaitsShared, failureOf, forgetFailure, lookAt } from "./study-state.ts";

/** A run that will be tried again. */
export interface Retried {
  place: Place;
  title: string;
  /** Why it failed: "on node17: …"; of files that are damaged without the host. */
  why: string;
}

/** "on node17: loss is not a number". */
export const failureText = ({ host, message }: { host?: string | undefined; message: string }): string =>
  host === undefined ? message : `on ${host}: ${message}`;

/** The runs that have failed, or would as soon as somebody takes them. */
export async function failedRuns(folder: StudyFolder): Promise<Retried[]> {
  const found: Retried[] = [];
  for (const { row, seed, fold } of folder.study.runs) {
    const place: Place = { row, seed, fold: fold ?? undefined };
    const store = folder.runStore(place);
    const { finished, damage } = await lookAt(folder, place);
    const failure = finished ? undefined : ((await failureOf(store)) ?? (damage && { message: damage }));
    if (!failure) continue;
    const title = row === null ? store.name : runTitle({ row, seed, fold: fold ?? undefined });
    found.push({ place, title, why: failureText(failure) });
  }
  return found;
}

/**
 * Takes damaged files away from failed runs, and from the shared phases that they start from. Reasons stay recorded until `forget`.
 * @returns what was done, one line for each file
 */
export async function mendRuns(folder: StudyFolder, failed: readonly Retried[]): Promise<string[]> {
  const places = new Map<string, Place>();
  for (const { place } of failed) {
    const { row } = place;
    const shared: Place = { ...place, row: null };
    if (row !== null && (await awaitsShared(folder, { ...place, row })))
      places.set(folder.runStore(shared).name, shared);
    places.set(folder.runStore(place).name, place);
  }
  const lines: string[] = [];
  for (const place of places.values()) {
    const store = folder.runStore(place);
    const release = (await store.exists("")) ? await store.claim() : undefined;
    if (!release) continue; // There is nothing of it, or somebody is at work on it.
    try {
      lines.push(...(await mend(folder, place, store)));
    } finally {
      await release();
      await store.removeIfEmpty();
    }
  }
  return lines;
}

/** Has failed runs taken by the next process that looks for work. */
export async function forgetFailures(folder: StudyFolder, failed: readonly Retried[]): Promise<void> {
  for (const { place } of failed) await forgetFailure(folder.runStore(place));
}

async function mend(folder: StudyFolder, place: Place, store: SharedStore): Promise<string[]> {
  const { sides, checkpoint } = folder.study;
  const weights = `${checkpoint}.safetensors`;
  const lines: string[] = [];
  const fault = async (file: string) =>
    (await store.exists(file)) ? damageIn(() => readCheckpoint(store, file)) : undefined;
  const anew = async (why: string) => {
    await beginAgain(store);
    return [`${why}: the run begins anew`];
  };

  const records = await damageIn(() => readRecords(store));
  if (records !== undefined) {
    await keepReadableRecords(store);
    lines.push(`${records}: what cannot be read of it is left out`);
  }
  const last = await fault(LAST);
  if (!(await isComplete(store))) return last === undefined ? lines : [...lines, ...(await anew(last))];
  // Rows start from its weights.
  if (place.row === null && last !== undefined) return [...lines, ...(await anew(last))];
  const summary = await damageIn(() => readSummary(store));
  if (summary !== undefined) {
    if (last !== undefined || !(await hasCheckpoint(store))) return [...lines, ...(await anew(summary))];
    await forgetSummary(store);
    lines.push(`${summary}: the run ends again from ${LAST}`);
  }
  if (place.row === null) return lines;
  for (const side of sides) {
    let kept: unknown;
    const damage = await damageIn(async () => (kept = await keptPredictions(store, checkpoint, side)));
    if (damage === undefined && kept !== undefined) continue;
    const unusable = await fault(weights);
    if (unusable !== undefined) return [...lines, ...(await anew(unusable))];
    if (damage === undefined) continue;
    if (!(await store.exists(weights))) return [...lines, ...(await anew(`${damage}; and ${weights} is gone`))];
    await store.remove(predictionsFile(side));
    lines.push(`${damage}: the run is evaluated again from ${weights}`);
  }
  return lines;
}
