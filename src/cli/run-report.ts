/** Writes a run's report after training, and the pictures of reports. */
import { parseHTML } from "linkedom";
import sharp from "sharp";
import { commandLine } from "../node/command-line.ts";
import { DataError, type Prepared } from "../data/sample.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { encodeGrey } from "../node/case-pictures.ts";
import { drawExplained } from "../node/panels.ts";
import type { ExplainedCase } from "../report/run.ts";
import { folderImages } from "../node/image-source.ts";
import { casePictures } from "../runs/case-pictures.ts";
import { chooseImages } from "../runs/choose-images.ts";
import { explainImages, isExplainable } from "../runs/explain.ts";
import { openModel } from "../runs/open-model.ts";
import { imagesToShow, readRun, REPORT, writeRunReport } from "../runs/report.ts";
import { runCheckpoint, type Loaded } from "../runs/run.ts";
import { InputError, type Store } from "../runs/store.ts";

/** A document to make the plots in; nothing is rendered. */
export const plotDocument = (): Document => parseHTML("<!doctype html><html><body></body></html>").document;

export const imagesOf = (images: readonly Prepared[], ids: ReadonlySet<string>): Prepared[] =>
  images.filter(({ id }) => ids.has(id));

/** The images of a run, whose data are read again; a reason if they are gone. */
export async function readImages(
  run: Loaded,
  on: "val" | "test",
): Promise<{ images: Prepared[] } | { reason: string }> {
  try {
    return await chooseImages(folderImages, run, { on }, { emit: () => {} });
  } catch (error) {
    if (!(error instanceof DataError || error instanceof InputError)) throw error;
    return { reason: error.message };
  }
}

/** The network's view of images, with its masks. */
export async function picturesOf(gpu: Gpu, loaded: Loaded, images: readonly Prepared[]) {
  if (images.length === 0) return new Map<string, never>();
  using open = openModel(gpu, loaded);
  return await casePictures(open, images, encodeGrey);
}

/** Explanation panels for embedding in a report; none for a checkpoint whose classifier is not trained, or has no maps of features. */
export async function panelsOf(
  gpu: Gpu,
  loaded: Loaded,
  images: readonly Prepared[],
  base: Loaded | undefined,
): Promise<ExplainedCase[]> {
  if (!isExplainable(loaded.checkpoint)) return [];
  const found: ExplainedCase[] = [];
  for await (const { explained, by, open } of explainImages(gpu, loaded, images, { base })) {
    const { id, title, png } = await drawExplained(explained, by, open);
    // A fifth of the PNG's size, without visible difference.
    const webp = await sharp(png).webp({ quality: 88 }).toBuffer();
    found.push({ image: id, title, picture: `data:image/webp;base64,${webp.toString("base64")}` });
  }
  return found;
}

/**
 * Writes the report of a run about to end, with its images at hand, and prints its path. Activations are left to `mganet
 * report`: compiling their gradient takes longer than everything else. The run counts as successful whatever happens here.
 */
export async function reportFinished(
  gpu: Gpu,
  store: Store,
  sides: { val: readonly Prepared[]; test: readonly Prepared[] },
  summary: object,
): Promise<void> {
  try {
    const shown = imagesToShow((await readRun(store, summary)).predictions);
    const images = shown ? imagesOf(sides[shown.on], shown.ids) : [];
    const pictures = await picturesOf(gpu, await runCheckpoint(store), images);
    await writeRunReport(store, plotDocument(), { pictures, summary });
    console.log(`Report:  ${store.path(REPORT)}  (with activations: ${commandLine("report", store.name)})`);
  } catch (error) {
    if (!(error instanceof DataError || error instanceof InputError)) throw error;
    console.error(`No report: ${error.message}`);
  }
}
