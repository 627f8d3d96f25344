/** `mganet report`: writes a page with all results of a run or a study. */
import { setTimeout as sleep } from "node:timers/promises";
import { commandLine } from "../../node/command-line.ts";
import { FolderStore } from "../../node/folder-store.ts";
import { requireWritableFile } from "../../node/files.ts";
import { ConfigError } from "../../models/config-error.ts";
import { comparableBase, requireExplainable } from "../../runs/explain.ts";
import {
  imagesToShow,
  readRun,
  REPORT,
  studyRuns,
  writeRunReport,
  type ReportPictures,
  type ShownImages,
} from "../../runs/report.ts";
import { runCheckpoint, type Loaded } from "../../runs/run.ts";
import { InputError, type Store } from "../../runs/store.ts";
import { isStudy, StudyFolder } from "../../runs/study-folder.ts";
import { studyStatus } from "../../runs/study-status.ts";
import { interruptible } from "../interruptible.ts";
import { imagesOf, panelsOf, picturesOf, plotDocument, readImages } from "../run-report.ts";
import { WATCH_SECONDS, writeLiveReport, writeStudyFigures } from "../study-report.ts";
import { findCheckpoint } from "../targets.ts";
import { withTunedGpu, type TunedOption } from "../tuned.ts";

export interface ReportOptions extends TunedOption {
  /** False with --no-pictures. */
  pictures?: boolean;
  base?: string;
  /** Whether to write a study's report again and again while it is worked on. */
  watch?: boolean;
}

/** Writes the report of a run folder, or of a study's. */
export async function report(dir: string, options: ReportOptions): Promise<number> {
  if (options.base !== undefined && options.pictures === false) {
    throw new ConfigError("--base has no effect with --no-pictures");
  }
  const store = new FolderStore(dir);
  if (!(await store.exists(""))) throw new InputError(`${dir}: no such folder`);
  const ofStudy = await isStudy(store);
  if (ofStudy && options.base !== undefined) {
    throw new ConfigError("--base has no effect on a study: its own row Base is shown beside Proposed");
  }
  await requireWritableFile(store.path(REPORT));
  if (options.watch) {
    if (!ofStudy) throw new ConfigError("--watch has no effect on a run: it follows a study");
    return watchStudy(store);
  }
  if (ofStudy) await reportStudy(store, options);
  else {
    await reportFolder(store, options);
    console.log(`Report:  ${store.path(REPORT)}`);
  }
  return 0;
}

/**
 * Writes a study's report until all its runs are finished or Ctrl-C; whoever trained the last of them then writes the whole one.
 * @returns the exit code
 */
async function watchStudy(store: FolderStore): Promise<number> {
  const interrupt = interruptible("writing the page once more");
  const { signal } = interrupt;
  console.log(`Watching: ${store.path(REPORT)} is written every ${WATCH_SECONDS} seconds, without pictures of images`);
  try {
    for (;;) {
      const folder = await StudyFolder.existing(store);
      const status = await studyStatus(folder);
      const over = status.every(({ state, place }) => state === "finished" || place.row === null);
      if (over) break;
      await writeLiveReport(store, !signal.aborted);
      if (signal.aborted) return interrupt.code();
      await sleep(1000 * WATCH_SECONDS, undefined, { signal }).catch(() => {});
    }
    console.log(
      `All runs are finished. ${commandLine("report", store.name)} writes the whole report, if nobody else does`,
    );
    return 0;
  } finally {
    interrupt.dispose();
  }
}

async function reportFolder(store: Store, options: ReportOptions): Promise<void> {
  const { predictions } = await readRun(store);
  const base = options.base === undefined ? undefined : await findCheckpoint(options.base);
  if (base) requireExplainable(await runCheckpoint(store), { base });
  const shown = options.pictures === false ? undefined : imagesToShow(predictions);
  const pictures = shown ? await withPictures(await runCheckpoint(store), shown, base, options) : {};
  await writeRunReport(store, plotDocument(), pictures);
}

/** Reports of all finished runs, without pictures, and that of the study, with its figures and the activations of Proposed. */
async function reportStudy(store: FolderStore, options: ReportOptions): Promise<void> {
  const { finished, checkpoint, pair } = await studyRuns(store);
  for (const run of finished) await writeRunReport(run, plotDocument());
  let explained: ReportPictures["explained"];
  if (pair && options.pictures !== false) {
    const shown = imagesToShow((await readRun(pair.proposed)).predictions);
    const run = await runCheckpoint(pair.proposed, checkpoint);
    const base = await runCheckpoint(pair.base, checkpoint);
    if (shown) ({ explained } = await withPictures(run, shown, comparableBase(run, base), options));
  }
  await writeStudyFigures(store, options, explained);
}

/** Pictures of a run's images, whose data are read again; none, with a message, if they are gone. */
async function withPictures(
  run: Loaded,
  { on, ids, explained }: ShownImages,
  base: Loaded | undefined,
  options: ReportOptions,
): Promise<ReportPictures> {
  const found = await readImages(run, on);
  if ("reason" in found) {
    console.log(`Without pictures of images: ${found.reason}`);
    return {};
  }
  const { images } = found;
  return withTunedGpu(options, async (gpu) => ({
    pictures: await picturesOf(gpu, run, imagesOf(images, ids)),
    explained: await panelsOf(gpu, run, imagesOf(images, explained), base),
  }));
}
