/** Figure 4 of a study: chooses its cases by a rule, explains them with Proposed and Base, and says so in the caption. */
import { benignMalignant, type Classes } from "../data/classes.ts";
import type { Prepared } from "../data/sample.ts";
import { mapSizes } from "../explain/explainer.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { predictedClass } from "../metrics/decision.ts";
import { classified, type Classified } from "../metrics/predictions.ts";
import { ofActual, quantileCases, type QuantileCase } from "../metrics/quantile-cases.ts";
import { percent, sideTitles } from "../report/show.ts";
import type { Study, StudyRun } from "../study/file.ts";
import { runName } from "../study/plan.ts";
import { PROPOSED, rowOf, tableNumbers, tableOf, type RowName } from "../study/rows.ts";
import { buildModel } from "../train/build.ts";
import { specOf } from "../train/config.ts";
import { explainImages, type Activations, type ExplainedImage } from "./explain.ts";
import type { OpenModel } from "./open-model.ts";
import { readPredictions } from "./predictions.ts";
import { runCheckpoint } from "./run.ts";
import type { Store } from "./store.ts";
import { runStoreOf } from "./study-folder.ts";

/** The row beside Proposed: the same network without attention. */
export const BASE = "base" satisfies RowName;
const [baseLabel, proposedLabel] = [rowOf(BASE).label, rowOf(PROPOSED).label];

/** The cases' places in the order of Proposed's certainty. */
const QUANTILES = [0, 0.25, 0.5, 0.75, 1];
const PLACES: ReadonlyMap<number, string> = new Map([
  [0, "lowest"],
  [0.25, "lower quartile"],
  [0.5, "median"],
  [0.75, "upper quartile"],
  [1, "highest"],
]);
const COUNTS = ["No", "One", "Two", "Three", "Four", "Five"];

/** A map with fewer values on a side says little about where: as many as the published size has at the last scale. */
const LEAST_MAP = 7;

export interface Figure4Case extends QuantileCase {
  /** Base's probability of the actual class. */
  base: number;
}

/** What Figure 4 will show. */
export interface Figure4Plan {
  study: Study;
  proposed: Store;
  base: Store;
  run: Pick<StudyRun, "seed" | "fold">;
  classes: Classes;
  /** Number of held-out images with a known class, from which the cases are chosen. */
  images: number;
  cases: readonly Figure4Case[];
}

/**
 * Chooses the cases from the saved predictions of the first seed that has finished runs of both rows.
 * @returns a reason, for a sentence, if there can be no such figure
 */
export async function planFigure4(store: Store, study: Study): Promise<Figure4Plan | { reason: string }> {
  const trained: StudyRun[] = [];
  for (const run of study.runs) {
    const has = run.state === "finished" && (await runStoreOf(store, run).exists(`${study.checkpoint}.safetensors`));
    if (has) trained.push(run);
  }
  const pair = pairOf(study, trained);
  if ("reason" in pair) return pair;
  const [proposed, base] = [pair.proposed, pair.base].map((run) => runStoreOf(store, run)) as [Store, Store];
  const [own, other] = [await readPredictions(proposed, "val"), await readPredictions(base, "val")];
  if (own?.checkpoint !== `${study.checkpoint}.safetensors` || other?.checkpoint !== own.checkpoint) {
    const names = [proposed, base].map(({ name }) => name).join(" and ");
    return { reason: `${names} have no predictions of the ${study.checkpoint} checkpoint for the held-out images` };
  }
  const beside = new Map(classified(other.images).map((image) => [image.image, image]));
  const known = classified(own.images).filter(({ image }) => beside.has(image));
  if (known.length === 0) return { reason: "no held-out image has a known class" };
  const cases = quantileCases(known, QUANTILES).map((each) => {
    return { ...each, base: ofActual(beside.get(each.image.image)!) };
  });
  return {
    study,
    proposed,
    base,
    run: pair.proposed,
    classes: own.classes ?? benignMalignant,
    images: known.length,
    cases,
  };
}

/** @param trained finished runs whose weights are there */
function pairOf(
  { runs }: Study,
  trained: readonly StudyRun[],
): { proposed: StudyRun; base: StudyRun } | { reason: string } {
  const done = trained.slice().sort((a, b) => a.seed - b.seed || (a.fold ?? 0) - (b.fold ?? 0));
  for (const proposed of done.filter(({ row }) => row === PROPOSED)) {
    const base = done.find(({ row, seed, fold }) => row === BASE && seed === proposed.seed && fold === proposed.fold);
    if (base) return { proposed, base };
  }
  const needed: readonly RowName[] = [BASE, PROPOSED];
  const both = tableNumbers.filter((n) => needed.every((row) => tableOf(n).rows.includes(row)));
  const missing = needed.filter((row) => !runs.some((run) => run.row === row));
  if (missing.length === 0) {
    const what = trained.length < runs.filter(({ state }) => state === "finished").length ? " with their weights" : "";
    return { reason: `it compares ${baseLabel} with ${proposedLabel}, and no seed has finished runs of both${what}` };
  }
  const without = missing.map((row) => rowOf(row).label).join(" and ");
  return {
    reason: `it compares ${baseLabel} with ${proposedLabel}, and this study does not train ${without}; --table ${both.join(" or ")} does`,
  };
}

/** A case with its activations. */
export interface ExplainedFigureCase {
  of: Figure4Case;
  explained: ExplainedImage;
  by: Activations;
  open: OpenModel;
}

/** The point at which the activations are shown, and the size of the maps there. */
interface Shown {
  point: string;
  map: readonly [number, number];
}

/** The last point with maps that are fine enough, else the finest. */
function shownPoint(config: Study["config"]): Shown {
  const { points } = specOf(config).explain;
  const sizes = mapSizes(buildModel(config), config.size);
  const at = Math.max(
    0,
    sizes.findLastIndex((size) => Math.min(...size) >= LEAST_MAP),
  );
  return { point: points[at]!, map: sizes[at]! };
}

/**
 * Explains the cases, lowest first, and describes the figure.
 * @param held the held-out images
 * @throws CheckpointError, InputError
 */
export async function explainFigure4(
  gpu: Gpu,
  plan: Figure4Plan,
  held: readonly Prepared[],
): Promise<{ cases: AsyncGenerator<ExplainedFigureCase>; caption: string } | { reason: string }> {
  const { study, cases } = plan;
  const byId = new Map(held.map((image) => [image.id, image]));
  const lost = cases.filter(({ image }) => !byId.has(image.image)).map(({ image }) => image.image);
  if (lost.length > 0) return { reason: `the images are no longer held out, or gone: ${lost.join(", ")}` };
  const proposed = await runCheckpoint(plan.proposed, study.checkpoint);
  const base = await runCheckpoint(plan.base, study.checkpoint);
  const shown = shownPoint(proposed.checkpoint.config);
  const images = cases.map(({ image }) => byId.get(image.image)!);
  async function* explained(): AsyncGenerator<ExplainedFigureCase> {
    let i = 0;
    for await (const each of explainImages(gpu, proposed, images, { base, point: shown.point })) {
      yield { of: cases[i++]!, ...each };
    }
  }
  return { cases: explained(), caption: captionOf(plan, shown) };
}

/** The titles above the texts and above the pictures. */
export const figure4Titles: { label: string; heads: readonly string[] } = {
  label: "Probability of the actual class",
  heads: ["(a) Image", `(b) Activation, ${baseLabel}`, "(c) Mask", `(d) Activation, ${proposedLabel}`],
};

/** The text beside a case's pictures. */
export function figure4Lines({ quantile, image, base }: Figure4Case, place: number, classes: Classes): string[] {
  const { names } = classes;
  return [
    `${place}: ${PLACES.get(quantile)!}`,
    `actual: ${names[image.label]!}`,
    `predicted: ${names[predicted(image, classes)]!}`,
    `${proposedLabel}: ${percent(ofActual(image))}`,
    `${baseLabel}: ${percent(base)}`,
    image.image,
  ];
}

const predicted = ({ probabilities }: Classified, classes: Classes): number => predictedClass(probabilities, classes);

function captionOf({ study, run, images, cases }: Figure4Plan, { point, map: [h, w] }: Shown): string {
  const of = `${sideTitles.val.toLowerCase()} of ${study.data} with a known class`;
  const order = `the probability that ${proposedLabel} gives to the actual class`;
  const chosen =
    cases.length === images
      ? `All ${images} ${of}, ordered by ${order}, lowest first.`
      : `${COUNTS[cases.length]!} of the ${images} ${of}, chosen by rule: of their order by ${order}, the lowest, the quartiles and the highest.`;
  const which = runName({ seed: run.seed, fold: run.fold ?? undefined }).replaceAll("-", " ");
  return (
    `${chosen} Both networks are those of ${which}, ${study.checkpoint} checkpoint. ` +
    `Activations: Grad-CAM at ${point} (${h}×${w} values, interpolated) of the class that ${proposedLabel} predicts. ` +
    `Within a case both networks share one colour scale, from 0 to the larger of their maxima, which are given in the corners. ` +
    `Yellow: the expert's box. Blue-green: the mask of ${proposedLabel}'s segmentation branch; dashed: its outline.`
  );
}
