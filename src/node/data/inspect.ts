/** Statistics of a data set. */
import { area } from "../../data/boxes.ts";
import { nearPairs } from "../../data/fingerprint.ts";
import { benignMalignant, className } from "../../data/classes.ts";
import { type Classes, type Dataset, type Label, type Prepared, type Side, type Skipped } from "../../data/sample.ts";
import { SIDES } from "../../data/split-file.ts";
import { hasTarget } from "../../data/target.ts";

export { className } from "../../data/classes.ts";

/** Number of images by class name, in class order, and "unlabelled". */
export type Counts = Readonly<Record<string, number>>;

/** Minimum, median and maximum. */
export interface Range {
  least: number;
  median: number;
  greatest: number;
}

/** Two images that show the same picture. */
export interface NearPair {
  images: [string, string];
  patients: [string, string];
  classes: [string, string];
  /** Sides in the set's own split. */
  sides: [Side | null, Side | null];
  /** The folds in which the set itself holds them out. */
  folds: [number | null, number | null];
}

/** Whether the set's own split or folds train on one picture of a pair and evaluate on the other. */
export const crosses = ([a, b]: readonly [unknown, unknown]): boolean => a !== null && b !== null && a !== b;

export interface Inspection {
  format: string;
  classes: readonly string[];
  /** The positive class. */
  positive: string;
  images: number;
  byClass: Counts;
  patients: number;
  patientsByClass: Counts;
  /** By the set's own split; null if it has none. */
  bySide: Record<Side, Counts> | null;
  /** Number of folds that the set itself defines. */
  folds: number;
  width: Range;
  height: Range;
  /** The most frequent sizes with their counts. */
  sizes: [string, number][];
  boxes: number;
  /** Number of images with 1, 2, 3 .. boxes. */
  boxesPerImage: Record<number, number>;
  /** Number of images whose nodules' true outlines are known, or that are known to have none. */
  outlines: number;
  /** Fraction of the image that a box covers. */
  boxShare: Range;
  /** Fraction of the image that is kept. */
  cropShare: Range;
  nearPairs: NearPair[];
  leftOut: { reason: string; count: number; files: string[] }[];
  notes: string[];
}

/** Computes the statistics. `prepared` comes from `dataset`; `skipped` is everything left out of either. */
export function inspectSet(
  dataset: Dataset,
  prepared: readonly Prepared[],
  skipped: readonly Skipped[],
  notes: readonly string[],
): Inspection {
  const boxesOf = new Map(dataset.samples.map(({ id, boxes }) => [id, boxes]));
  const ownSplit = prepared.some(({ side }) => side === "val" || side === "test");
  const boxes = prepared.flatMap(({ id, source }) =>
    (boxesOf.get(id) ?? []).map((box) => area(box) / (source!.width * source!.height)),
  );
  const { classes } = dataset;
  return {
    format: dataset.name,
    images: prepared.length,
    classes: classes.names,
    positive: classes.names[classes.positive]!,
    byClass: countClasses(prepared, classes),
    patients: new Set(prepared.map(({ group }) => group)).size,
    patientsByClass: countBy(classes, (label) => {
      return new Set(prepared.filter((p) => p.label === label).map((p) => p.group)).size;
    }),
    bySide: ownSplit
      ? (Object.fromEntries(
          SIDES.map((side) => [
            side,
            countClasses(
              prepared.filter((p) => p.side === side),
              classes,
            ),
          ]),
        ) as Record<Side, Counts>)
      : null,
    folds: new Set(prepared.flatMap(({ fold }) => (fold === undefined ? [] : [fold]))).size,
    width: range(prepared.map(({ source }) => source!.width)),
    height: range(prepared.map(({ source }) => source!.height)),
    sizes: frequent(prepared.map(({ source }) => `${source!.width}x${source!.height}`)).slice(0, 5),
    boxes: boxes.length,
    boxesPerImage: Object.fromEntries(frequent(prepared.map(({ id }) => String(boxesOf.get(id)?.length ?? 0)))),
    outlines: prepared.filter((image) => hasTarget(image, "outline")).length,
    boxShare: range(boxes),
    cropShare: range(prepared.map(({ source }) => area(source!.crop) / (source!.width * source!.height))),
    nearPairs: nearPairs(prepared.map(({ print }) => print)).map(([a, b]) => pair(prepared[a]!, prepared[b]!, classes)),
    leftOut: byReason(skipped),
    notes: [...notes],
  };
}

export const countClasses = (images: readonly { label: Label }[], classes: Classes = benignMalignant): Counts =>
  countBy(classes, (label) => images.filter((image) => image.label === label).length);

const countBy = (classes: Classes, count: (label: Label) => number): Counts =>
  Object.fromEntries([...classes.names.keys(), undefined].map((label) => [className(label, classes), count(label)]));

function pair(a: Prepared, b: Prepared, classes: Classes): NearPair {
  return {
    images: [a.id, b.id],
    patients: [a.group, b.group],
    classes: [className(a.label, classes), className(b.label, classes)],
    sides: [a.side ?? null, b.side ?? null],
    folds: [a.fold ?? null, b.fold ?? null],
  };
}

function range(values: readonly number[]): Range {
  const sorted = [...values].sort((a, b) => a - b);
  return { least: sorted[0] ?? NaN, median: sorted[sorted.length >> 1] ?? NaN, greatest: sorted.at(-1) ?? NaN };
}

/** Each value with its count, most frequent first. */
function frequent(values: readonly string[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
}

/** What was left out, grouped by reasons that differ in more than names and numbers. */
function byReason(skipped: readonly Skipped[]): Inspection["leftOut"] {
  const kinds = new Map<string, { reason: string; count: number; files: string[] }>();
  for (const { file, reason } of skipped) {
    const kind = reason
      .replace(/\S+\.(?:xml|png|jpe?g|csv|dcm)\b/gi, "*")
      .replace(/"[^"]*"/g, '"*"')
      .replace(/\d+/g, "#");
    const known = kinds.get(kind);
    if (known) {
      known.count++;
      known.files.push(file);
    } else kinds.set(kind, { reason, count: 1, files: [file] });
  }
  return [...kinds.values()].sort((a, b) => b.count - a.count);
}
