/** `mganet report`, and the report that `train` leaves. */
import { existsSync } from "node:fs";
import path from "node:path";
import sharp from "sharp";
import { DataError, type Prepared } from "../data/sample.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { Predictions } from "../metrics/predictions.ts";
import { casePictures } from "../node/case-pictures.ts";
import { explainImages, type Loaded } from "../node/explain.ts";
import { InputError, requireWritableFile } from "../node/files.ts";
import { readRun, REPORT, writeRunReport, writeStudyReport, type ReportPictures } from "../node/report.ts";
import { findCheckpoint, withOwnSplit } from "../node/run-folder.ts";
import { readStudy } from "../node/study-folder.ts";
import { caseKinds, notableCases } from "../metrics/notable-cases.ts";
import { casesSide, type ExplainedCase } from "../report/run.ts";
import { trainedStage } from "../train/checkpoint.ts";
import { choose } from "./evaluated.ts";
import { withTunedGpu, type TunedOption } from "./tuned.ts";

export interface ReportOptions extends TunedOption {
  /** False with --no-pictures. */
  pictures?: boolean;
  base?: string;
}

/** What a run's report shows of single images. */
interface Shown {
  on: "val" | "test";
  /** All of them, and those whose activation is shown. */
  ids: Set<string>;
  explained: Set<string>;
}

function imagesToShow(predictions: readonly Predictions[]): Shown | undefined {
  const side = casesSide(predictions);
  if (!side) return undefined;
  const idsOf = (count: number) => {
    const chosen = notableCases(side.images, side.threshold, count);
    return new Set(caseKinds.flatMap((kind) => chosen[kind].map(({ image }) => image)));
  };
  return { on: side.on === "test" ? "test" : "val", ids: idsOf(4), explained: idsOf(2) };
}

/** Writes the report of a run folder, or of a study's. */
export async function report(dir: string, options: ReportOptions): Promise<void> {
  if (!existsSync(dir)) throw new InputError(`${dir}: no such folder`);
  await requireWritableFile(path.join(dir, REPORT));
  const file = await (existsSync(path.join(dir, "study.json")) ? reportStudy : reportFolder)(dir, options);
  console.log(`Report:  ${file}`);
}

async function reportFolder(dir: string, options: ReportOptions): Promise<string> {
  const { predictions } = await readRun(dir);
  const base = options.base === undefined ? undefined : await findCheckpoint(options.base);
  const shown = options.pictures === false ? undefined : imagesToShow(predictions);
  return writeRunReport(dir, shown ? await picturesOf(dir, shown, base, options) : {});
}

/** Reports of all runs that are finished, without pictures, and that of the study, with the activations of Proposed. */
async function reportStudy(dir: string, options: ReportOptions): Promise<string> {
  const { runs } = await readStudy(dir);
  const finished = runs.filter(({ row, state }) => row !== null && state === "finished");
  for (const run of finished) await writeRunReport(path.join(dir, run.dir));
  const proposed = finished.find(({ row }) => row === "proposed");
  const base = finished.find(
    ({ row, seed, fold }) => row === "base" && seed === proposed?.seed && fold === proposed.fold,
  );
  if (!proposed || !base || options.pictures === false) return writeStudyReport(dir);
  const own = path.join(dir, proposed.dir);
  const shown = imagesToShow((await readRun(own)).predictions);
  const beside = await findCheckpoint(path.join(dir, base.dir));
  const { explained } = shown ? await picturesOf(own, shown, beside, options) : {};
  return writeStudyReport(dir, explained);
}

/** Pictures of a run's images, whose data are read again; none where they are gone, which is said. */
async function picturesOf(
  dir: string,
  { on, ids, explained }: Shown,
  base: Loaded | undefined,
  options: ReportOptions,
): Promise<ReportPictures> {
  const run = await findCheckpoint(dir);
  let images: Prepared[];
  try {
    images = (await choose(withOwnSplit(run.checkpoint.config, dir), { on })).images;
  } catch (error) {
    if (!(error instanceof DataError || error instanceof InputError)) throw error;
    console.log(`Without pictures of images: ${error.message}`);
    return {};
  }
  return withTunedGpu(options, async (gpu) => ({
    pictures: await casePictures(gpu, run, chosen(images, ids)),
    explained: await panels(gpu, run, chosen(images, explained), base),
  }));
}

const chosen = (images: readonly Prepared[], ids: ReadonlySet<string>): Prepared[] =>
  images.filter(({ id }) => ids.has(id));

async function panels(gpu: Gpu, run: Loaded, images: readonly Prepared[], base: Loaded | undefined) {
  if (trainedStage(run.checkpoint) === "segmentation") return [];
  const explained: ExplainedCase[] = [];
  for await (const { id, title, png } of explainImages(gpu, run, images, { base })) {
    // A fifth of the PNG's size, and no difference to the eye.
    const webp = await sharp(png).webp({ quality: 88 }).toBuffer();
    explained.push({ image: id, title, picture: `data:image/webp;base64,${webp.toString("base64")}` });
  }
  return explained;
}

/**
 * Writes the report of a run that is about to end, whose images are at hand, and says where. Activations are left to `mganet
 * report`: to compile their gradient takes longer than all the rest. The run has ended well whatever happens here.
 */
export async function reportRun(
  gpu: Gpu,
  dir: string,
  sides: { val: readonly Prepared[]; test: readonly Prepared[] },
  summary: object,
): Promise<void> {
  try {
    const shown = imagesToShow((await readRun(dir, summary)).predictions);
    const images = shown ? chosen(sides[shown.on], shown.ids) : [];
    const pictures = await casePictures(gpu, await findCheckpoint(dir), images);
    console.log(
      `Report:  ${await writeRunReport(dir, { pictures, summary })}  (with activations: npm run report -- ${dir})`,
    );
  } catch (error) {
    if (!(error instanceof DataError || error instanceof InputError)) throw error;
    console.error(`No report: ${error.message}`);
  }
}
