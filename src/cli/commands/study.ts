/** `mganet study`: works on a study that `reproduce` has begun, shows how far it is, and has failed runs tried again. */
import { setTimeout as sleep } from "node:timers/promises";
import { commandLine } from "../../node/command-line.ts";
import { InputError } from "../../runs/store.ts";
import { clockNote } from "../../node/folder-clock.ts";
import { FolderStore } from "../../node/folder-store.ts";
import { requireWritableFile, writeWhole } from "../../node/files.ts";
import { plural } from "../../report/show.ts";
import { StudyFolder, TABLES_LOCK } from "../../runs/study-folder.ts";
import { failedRuns, forgetFailures, mendRuns } from "../../runs/study-retry.ts";
import { areWritten } from "../../runs/study-tables.ts";
import { studyStatus } from "../../runs/study-status.ts";
import { toJson } from "../../runs/store.ts";
import { startsShared, type Place } from "../../study/plan.ts";
import type { SaveOption } from "../options.ts";
import { showStatus } from "../study-status.ts";
import { conclude, LEFT, trainRuns } from "../study-work.ts";
import { visibleName } from "../terminal.ts";
import type { TunedOption } from "../tuned.ts";

export type WorkFlags = TunedOption &
  SaveOption & {
    /** Number of the only run to train. */
    run?: number;
    /** Where to begin. */
    from?: number;
    /** False with --no-wait. */
    wait?: boolean;
    /** False with --no-tables: somebody else writes them. */
    tables?: boolean;
    /** Train nothing. */
    onlyTables?: boolean;
  };

/**
 * Trains runs of a study, beside other processes; the last of them writes its tables.
 * @returns the exit code: 0 done, or others are at work; 1 runs have failed; 75 interrupted with work left
 */
export async function studyWork(dir: string, flags: WorkFlags): Promise<number> {
  endWithParent();
  const folder = await StudyFolder.existing(new FolderStore(dir));
  const groups = folder.groups();
  const again = commandLine("study work", dir);
  const only = flags.run === undefined ? undefined : onlyRun(folder, flags.run);
  if (!flags.onlyTables) {
    const options = {
      ...flags,
      again,
      retry: commandLine("study retry", dir),
      waits: flags.wait ?? true,
      ...(only ? { only } : {}),
    };
    const code = await trainRuns(folder, groups, options);
    if (code === undefined) return 0;
    if (code >= 128) return LEFT;
    if (code !== 0 || only || flags.tables === false) return code;
  }
  return writeTables(folder, flags);
}

/** A worker of `reproduce --workers` saves and ends when that is killed. */
function endWithParent(): void {
  if (!process.channel) return;
  process.once("disconnect", () => process.kill(process.pid, "SIGTERM"));
  // The channel alone keeps no process alive.
  process.channel.unref();
}

/**
 * A run by its number, and the shared phase that it starts from, should nobody have trained that.
 * @throws InputError for a number that no run has
 */
function onlyRun({ study, store }: StudyFolder, index: number): (place: Place) => boolean {
  const run = study.runs[index];
  if (!run) throw new InputError(`${store.name}: there is no run ${index}; it has ${study.runs.length}, from 0 on`);
  const { row: own } = run;
  const shares = own !== null && startsShared(study.config, { row: own, seed: run.seed, fold: run.fold ?? undefined });
  return ({ row, seed, fold }) =>
    (row === own || (shares && row === null)) && seed === run.seed && (fold ?? null) === run.fold;
}

/** @returns the exit code: 1 if runs are missing, or another process that was to write the tables has not */
async function writeTables(folder: StudyFolder, flags: WorkFlags): Promise<number> {
  await folder.refresh();
  const status = await studyStatus(folder);
  const missing = status.filter(({ state, place }) => state !== "finished" && place.row !== null);
  if (missing.length > 0) {
    console.error(`No tables: ${plural(missing.length, "run")} of ${status.length} are not finished.`);
    for (const line of showStatus(folder, missing)) console.error(line);
    return 1;
  }
  // Of several processes that see the last run end, one writes; whoever is there for the tables alone waits for it.
  const place = new FolderStore(folder.store.path(TABLES_LOCK), console.log);
  let release = await place.claim();
  const waits = !release && flags.onlyTables === true;
  if (!release) console.log(`Another process writes the tables${waits ? "; waiting for it" : ""}.`);
  if (!release && !waits) return 0;
  while (!release) {
    await sleep(1000);
    release = await place.claim();
  }
  try {
    await folder.refresh();
    if (waits && (await areWritten(folder))) {
      console.log("They are written.");
      return 0;
    }
    await conclude(folder, folder.study.tables, folder.study.seeds, flags);
  } finally {
    await release();
    await place.removeIfEmpty();
  }
  return 0;
}

/** Shows what each run is doing. */
export async function statusOfStudy(dir: string, { json }: { json?: string }): Promise<void> {
  if (json !== undefined) await requireWritableFile(json);
  const folder = await StudyFolder.existing(new FolderStore(dir));
  const status = await studyStatus(folder);
  for (const line of showStatus(folder, status)) console.log(line);
  const note = await clockNote(dir);
  if (note !== undefined) console.log(note);
  if (json === undefined) return;
  const runs = status.map(({ place: { row, seed, fold }, ...rest }) => ({ row, seed, fold: fold ?? null, ...rest }));
  await writeWhole(json, toJson(runs));
}

/** Forgets why runs have failed, and takes damaged files away, so that they are trained again. */
export async function retryStudy(dir: string): Promise<void> {
  const folder = await StudyFolder.existing(new FolderStore(dir));
  const failed = await failedRuns(folder);
  for (const { title, why } of failed) console.log(visibleName(`${title}: failed ${why}`));
  for (const line of await mendRuns(folder, failed)) console.log(visibleName(line));
  await forgetFailures(folder, failed);
  console.log(
    failed.length === 0
      ? "No run has failed."
      : `${plural(failed.length, "run")} will be tried again by the next process that works on the study: ${commandLine("study work", dir)}`,
  );
}
