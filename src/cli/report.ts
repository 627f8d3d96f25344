/** `mganet report`, and the report that `train` leaves. */
import { existsSync } from "node:fs";
import path from "node:path";
import { DataError, type Prepared } from "../data/sample.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { Predictions } from "../metrics/predictions.ts";
import { casePictures } from "../node/case-pictures.ts";
import { InputError, requireWritableFile } from "../node/files.ts";
import { readRun, REPORT, writeRunReport } from "../node/report.ts";
import { findCheckpoint, withOwnSplit } from "../node/run-folder.ts";
import { caseKinds, chooseCases } from "../report/cases.ts";
import { casesSide } from "../report/run.ts";
import { choose } from "./evaluated.ts";
import { withTunedGpu, type TunedOption } from "./tuned.ts";

export interface ReportOptions extends TunedOption {
  /** False with --no-pictures. */
  pictures?: boolean;
}

/** The images of a run that its report shows. */
function imagesToShow(predictions: readonly Predictions[]): { on: "val" | "test"; ids: Set<string> } | undefined {
  const side = casesSide(predictions);
  if (!side) return undefined;
  const chosen = chooseCases(side.images, side.threshold);
  const ids = new Set(caseKinds.flatMap((kind) => chosen[kind].map(({ image }) => image)));
  return { on: side.on === "test" ? "test" : "val", ids };
}

/** Writes the report of a run folder. */
export async function report(dir: string, options: ReportOptions): Promise<void> {
  await requireWritableFile(path.join(dir, REPORT));
  const { predictions } = await readRun(dir);
  const shown = options.pictures === false ? undefined : imagesToShow(predictions);
  const pictures = shown ? await picturesOf(dir, shown, options) : undefined;
  console.log(`Written: ${await writeRunReport(dir, pictures ? { pictures } : {})}`);
}

async function picturesOf(
  dir: string,
  { on, ids }: NonNullable<ReturnType<typeof imagesToShow>>,
  options: ReportOptions,
) {
  const found = await findCheckpoint(dir);
  let images: Prepared[];
  try {
    const config = withOwnSplit(found.checkpoint.config, dir);
    images = (await choose(config, { on })).images.filter(({ id }) => ids.has(id));
  } catch (error) {
    if (!(error instanceof DataError || error instanceof InputError)) throw error;
    console.log(`Without pictures of images: ${error.message}`);
    return undefined;
  }
  return withTunedGpu(options, (gpu) => casePictures(gpu, found, images));
}

/** Writes the report of a run that has just ended, whose images are at hand. */
export async function reportRun(
  gpu: Gpu,
  dir: string,
  sides: { val: readonly Prepared[]; test: readonly Prepared[] },
): Promise<string> {
  const { predictions } = await readRun(dir);
  const shown = imagesToShow(predictions);
  const images = shown ? sides[shown.on].filter(({ id }) => shown.ids.has(id)) : [];
  const found = await findCheckpoint(dir);
  return writeRunReport(dir, { pictures: await casePictures(gpu, found, images) });
}

/** Whether a folder is that of a study. */
export const isStudy = (dir: string): boolean => existsSync(path.join(dir, "study.json"));
