/** What each run of a study is doing, as the study's folder tells: for whoever looks on from outside. */
import { runName, type Place } from "../study/plan.ts";
import { hasCheckpoint, readRecords } from "./run.ts";
import type { StudyFolder } from "./study-folder.ts";
import { paceOf, type Pace } from "./study-pace.ts";
import { awaitsShared, failureOf, lookAt, type Failure } from "./study-state.ts";
import type { Holder, Store } from "./store.ts";

/**
 * waiting: nobody has begun it; paused: begun, and nobody is at work on it; running; lost: whoever was at work on it is gone, and the next
 * process takes it over; failed: left alone until somebody retries it.
 */
export type RunStateNow = "waiting" | "paused" | "running" | "lost" | "failed" | "finished";

export interface RunStatus {
  place: Place;
  /** Its number in study.json, from 0: what `study work --run` takes. */
  index: number;
  /** Its folder, relative to the study's. */
  dir: string;
  state: RunStateNow;
  /** Whose lock it has. */
  holder: Holder | undefined;
  pace: Pace | undefined;
  failure: Failure | undefined;
  /** Epochs that it has recorded, those of the shared phase included. */
  epochs: number;
  /** Whether it has epochs behind it whose weights are gone, as in an archive: it begins anew. */
  anew: boolean;
  /** Seconds that a finished run was trained. */
  seconds: number;
}

/** All runs of a study, in the order of study.json. */
export async function studyStatus(folder: StudyFolder): Promise<RunStatus[]> {
  const all: RunStatus[] = [];
  for (const [index, { row, seed, fold, dir, seconds }] of folder.study.runs.entries()) {
    const place: Place = { row, seed, fold: fold ?? undefined };
    const store = folder.runStore(place);
    const { finished, damage } = await lookAt(folder, place);
    const holder = await store.holder();
    const failure = (await failureOf(store)) ?? (damage !== undefined && !holder ? { message: damage } : undefined);
    const state = finished ? "finished" : await stateOf(store, failure, holder);
    const pace = state === "running" ? await paceOf(store) : undefined;
    const epochs = await epochsOf(store);
    const anew = state === "paused" && epochs > 0 && !(await hasCheckpoint(store));
    const taken = state === "finished" ? seconds : 0;
    all.push({ place, index, dir, state, holder, pace, failure, epochs, anew, seconds: taken });
  }
  return all;
}

async function stateOf(store: Store, failure: Failure | undefined, holder: Holder | undefined): Promise<RunStateNow> {
  if (failure) return "failed";
  if (holder) return holder.life === "dead" ? "lost" : "running";
  return (await store.exists("config.json")) ? "paused" : "waiting";
}

/** A run that is being written may be read between two of its files. */
const epochsOf = (store: Store): Promise<number> =>
  readRecords(store).then(
    ({ length }) => length,
    () => 0,
  );

/** The numbers of the runs that are not finished: of shared phases that a row still needs, and of rows. */
export async function unfinishedIndices(folder: StudyFolder): Promise<{ shared: number[]; rows: number[] }> {
  const open = (await studyStatus(folder)).filter(({ state }) => state !== "finished");
  const rows = open.filter(({ place }) => place.row !== null);
  const awaited = new Set<string>();
  for (const { place } of rows) {
    if (await awaitsShared(folder, { ...place, row: place.row! })) awaited.add(runName(place));
  }
  const shared = open.filter(({ place }) => place.row === null && awaited.has(runName(place)));
  return { shared: shared.map(({ index }) => index), rows: rows.map(({ index }) => index) };
}
