/** Writes a study's figures and its report. */
import sharp from "sharp";
import type { Prepared } from "../data/sample.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { activationColours, figureTiles, pngOf } from "../node/figure-tiles.ts";
import { writeTogether } from "../node/files.ts";
import { explainedPicture } from "../node/panels.ts";
import { caseFigure, type FigureCase } from "../report/case-figure.ts";
import type { Figure4 } from "../report/study.ts";
import { explainFigure4, figure4Titles, figure4Lines, planFigure4, type Figure4Plan } from "../runs/figure4.ts";
import { figure3, readStudyContent, REPORT, writeStudyReport, type StudyPictures } from "../runs/report.ts";
import { runCheckpoint } from "../runs/run.ts";
import type { SharedStore, Store } from "../runs/store.ts";
import { readStudy, StudyFolder } from "../runs/study-folder.ts";
import { liveStudy } from "../runs/study-live.ts";
import { detailOf, summaryOf } from "./study-status.ts";
import { plotDocument, readImages } from "./run-report.ts";
import { withTunedGpu, type TunedOption } from "./tuned.ts";

export interface StudyReportOptions extends TunedOption {
  /** False: without Figure 4, which needs the images and a GPU. */
  pictures?: boolean;
}

/**
 * Writes a study's figures and report.html into its folder, and prints where they are: Figure 3 once a table is finished; Figure 4,
 * for which the images are read again and a GPU is opened, if the rows that it compares are trained.
 * @throws InputError, DataError as one line if a file of the study cannot be read
 */
export async function writeStudyFigures(
  store: SharedStore,
  options: StudyReportOptions,
  explained: StudyPictures["explained"] = [],
): Promise<void> {
  const panel = figure3(await readStudyContent(store));
  if (panel !== undefined) await writeFigure(store, 3, panel);
  else await tellWithout(store, 3, "no table is finished, or no image has a known class");
  const figure4 = options.pictures === false ? undefined : await drawFigure4(store, options);
  if (figure4 && "reason" in figure4) await tellWithout(store, 4, figure4.reason);
  const live = await liveStudy(await StudyFolder.existing(store), texts);
  await writeStudyReport(store, plotDocument(), { explained, figure4, live });
  console.log(`Report:   ${store.path(REPORT)}`);
}

const texts = { detail: detailOf, summary: summaryOf };

/** Seconds between looks at a study that is watched, and after which its page reads itself again. */
export const WATCH_SECONDS = 10;

/**
 * Writes the report of a study that is being worked on, without pictures of images.
 * @param refresh whether it will be written again
 */
export async function writeLiveReport(store: SharedStore, refresh: boolean): Promise<void> {
  const live = await liveStudy(await StudyFolder.existing(store), {
    ...texts,
    refresh: refresh ? WATCH_SECONDS : undefined,
  });
  await writeStudyReport(store, plotDocument(), { live });
}

const filesOf = (number: 3 | 4) => [`figure-${number}.svg`, `figure-${number}.png`] as const;

/** Files of an earlier time are left, since they may be all that there is of images that are gone. */
async function tellWithout(store: Store, number: 3 | 4, reason: string): Promise<void> {
  const [vector, pixels] = filesOf(number);
  const old = (await store.exists(vector)) || (await store.exists(pixels));
  console.log(`Without Figure ${number}: ${reason}${old ? `; ${vector} and ${pixels} are of an earlier time` : ""}`);
}

/** Saves a figure as SVG and as PNG. */
async function writeFigure(store: Store, number: 3 | 4, svg: string): Promise<void> {
  const [vector, pixels] = filesOf(number);
  const picture = await pngOf(svg);
  await writeTogether(new Map<string, string | Uint8Array>([[store.path(vector), svg], [store.path(pixels), picture]])); // prettier-ignore
  console.log(`Figure ${number}: ${store.path(vector)}, ${pixels}`);
}

/** Saves Figure 4. @returns it for the report, or why there is none */
async function drawFigure4(store: Store, options: TunedOption): Promise<Figure4> {
  const study = await readStudy(store);
  const plan = await planFigure4(store, study);
  if ("reason" in plan) return plan;
  const held = await readImages(await runCheckpoint(plan.proposed, study.checkpoint), "val");
  if ("reason" in held) return held;
  const drawn = await withTunedGpu(options, (gpu) => drawCases(gpu, plan, held.images));
  if ("reason" in drawn) return drawn;
  const { cases, caption } = drawn;
  const figure = { ...figure4Titles, cases, colours: activationColours };
  await writeFigure(store, 4, caseFigure({ ...figure, caption: `Figure 4. ${caption}` }));
  const webp = await sharp(await pngOf(caseFigure(figure))).webp({ quality: 88 }).toBuffer(); // prettier-ignore
  return { picture: `data:image/webp;base64,${webp.toString("base64")}`, caption };
}

async function drawCases(
  gpu: Gpu,
  plan: Figure4Plan,
  held: readonly Prepared[],
): Promise<{ cases: FigureCase[]; caption: string } | { reason: string }> {
  const found = await explainFigure4(gpu, plan, held);
  if ("reason" in found) return found;
  const cases: FigureCase[] = [];
  for await (const { of, explained, by, open } of found.cases) {
    const tiles = await figureTiles(await explainedPicture(explained, by, open));
    cases.push({ lines: figure4Lines(of, cases.length + 1, plan.classes), ...tiles });
  }
  return { cases, caption: found.caption };
}
