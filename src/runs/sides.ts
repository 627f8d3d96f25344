/** Splits images into training and held-out sides: at random, in folds, as the set defines it, or by a split file. */
import type { SplitItem, Tie } from "../data/clusters.ts";
import { nearTies, splitItems } from "../data/content.ts";
import { nearIdentical } from "../data/fingerprint.ts";
import { dealFolds } from "../data/folds.ts";
import { type Sides, withoutLeaks } from "../data/predefined-split.ts";
import { benignMalignant } from "../data/classes.ts";
import { type Classes, DataError, type Prepared, reasonOf, type Side, type Skipped } from "../data/sample.ts";
import { parseSplit, writeSplit } from "../data/split-file.ts";
import { split } from "../data/split.ts";
import { classesOf } from "../train/classes.ts";
import { dataSeed, type TrainConfig } from "../train/config.ts";
import type { KeptSplit, SplitSides } from "./images.ts";

export type SplitConfig = Pick<TrainConfig, "data" | "val" | "seed" | "splitSeed" | "split" | "folds" | "fold">;

/** The inputs of a plan. */
interface Material {
  prepared: readonly Prepared[];
  items: SplitItem[];
  ties: Tie[];
  config: SplitConfig;
  read: (file: string) => string;
  classes: Classes;
}

export interface SplitOptions {
  /** Default: benign and malignant. */
  classes?: Classes;
  /** The content of the configuration's split file. @throws Error that says why it cannot be read */
  read: (file: string) => string;
}

interface Plan {
  sides: Sides;
  how: string;
  notes: string[];
  /** Why an image is on no side. */
  why: string;
}

/**
 * Splits images as configured. No patient and no near-identical picture is on two sides.
 *
 * @throws DataError if nothing is left to train on or to hold out, or the split file cannot be used
 */
export function splitData(
  prepared: readonly Prepared[],
  config: SplitConfig,
  { classes = benignMalignant, read }: SplitOptions,
): SplitSides {
  const material = { prepared, items: splitItems(prepared), ties: nearTies(prepared), config, classes, read };
  const { sides: planned, how, notes, why } = plan(material);
  const { sides, left } = withoutLeaks(material.items, planned, material.ties);
  const on = (side: Side) => prepared.filter((_, i) => sides[i] === side);
  const result: SplitSides = { train: on("train"), val: on("val"), test: on("test"), left: [], notes: [...notes], how };
  const leaks = new Set(left);
  prepared.forEach(({ id }, i) => {
    if (leaks.has(i)) result.left.push({ file: id, reason: "its patient or its picture is also held out" });
    else if (sides[i] === undefined) result.left.push({ file: id, reason: why });
  });
  if (left.length > 0) {
    result.notes.push(`${left.length} images share a patient or a picture with a held-out one and are not trained on`);
  }
  for (const [side, images] of [
    ["to train on", result.train],
    ["to hold out", result.val],
  ] as const) {
    if (images.length === 0) throw new DataError(`${config.data}: of ${prepared.length} images, none is left ${side}`);
  }
  return result;
}

function plan(material: Material): Plan {
  const { prepared, config } = material;
  if (!["auto", "set", "random"].includes(config.split)) return fromFile(material);
  const own = config.split !== "random" && prepared.some(({ side }) => side === "val" || side === "test");
  const folds = config.split === "random" ? 0 : ownFolds(prepared);
  if (config.folds > 0) return inFolds(material, own, folds);
  if (own) return asGiven(material);
  if (config.split === "set") throw new DataError(`${config.data}: the set has no split of its own`);
  return atRandom(
    material,
    prepared.map((): Side => "train"),
    "",
  );
}

/** Number of folds that the set itself has; 0 for none. */
function ownFolds(prepared: readonly Prepared[]): number {
  return new Set(prepared.flatMap(({ fold }) => (fold === undefined ? [] : [fold]))).size;
}

/** Draws the validation side from the training images of `before`. */
function atRandom({ prepared, items, ties, config, classes }: Material, before: Sides, also: string): Plan {
  const train = prepared.flatMap((_, i) => (before[i] === "train" ? [i] : []));
  const place = new Map(train.map((i, t) => [i, t]));
  const within = ties.flatMap(([a, b]): Tie[] => {
    const [p, q] = [place.get(a), place.get(b)];
    return p === undefined || q === undefined ? [] : [[p, q]];
  });
  const { val } = config;
  const seed = dataSeed(config);
  const drawn = split(
    train.map((i) => items[i]!),
    { val, seed, ties: within, classes },
  );
  const sides = [...before];
  for (const t of drawn.val) sides[train[t]!] = "val";
  const how = `${(100 * val).toFixed(0)} % held out at random with seed ${seed}${also}`;
  return { sides, how, notes: drawn.notes, why: "is on no side" };
}

function asGiven(material: Material): Plan {
  const { prepared } = material;
  const sides = prepared.map(({ side }) => side);
  const why = "the set's own split does not name it";
  if (sides.includes("val")) return { sides, how: "as the set defines it", notes: [], why };
  return { ...atRandom(material, sides, "; test images as the set defines them"), why };
}

function inFolds({ prepared, items, ties, config }: Material, own: boolean, given: number): Plan {
  const { folds, fold } = config;
  const seed = dataSeed(config);
  const test = prepared.map(({ side }) => own && side === "test");
  const place = (folded: (i: number) => number | undefined): Sides =>
    prepared.map((_, i): Side | undefined => {
      if (test[i]) return "test";
      const f = folded(i);
      return f === undefined ? undefined : f === fold ? "val" : "train";
    });
  const which = `fold ${fold} of ${folds} (counted from 0)`;
  if (given === folds) {
    const sides = place((i) => prepared[i]!.fold);
    return { sides, how: `${which}, as the set defines it`, notes: [], why: "no fold of the set names it" };
  }
  if (config.split === "set") throw new DataError(`${config.data}: the set defines ${given} folds, not ${folds}`);
  const rest = prepared.flatMap((_, i) => (test[i] ? [] : [i]));
  const at = new Map(rest.map((i, r) => [i, r]));
  const within = ties.flatMap(([a, b]): Tie[] => {
    const [p, q] = [at.get(a), at.get(b)];
    return p === undefined || q === undefined ? [] : [[p, q]];
  });
  const dealt = dealFolds(
    rest.map((i) => items[i]!),
    { folds, seed, ties: within },
  );
  const notes = given > 0 ? [`the set defines ${given} folds, which are not used for ${folds}`] : [];
  const sides = place((i) => dealt[at.get(i)!]);
  return { sides, how: `${which}, assigned with seed ${seed}`, notes, why: "is on no side" };
}

function fromFile({ prepared, config, read }: Material): Plan {
  const file = config.split;
  let sides: ReadonlyMap<string, Side>;
  try {
    sides = parseSplit(read(file));
  } catch (error) {
    throw new DataError(`${file}: ${reasonOf(error)}`);
  }
  const known = new Set(prepared.map(({ id }) => id));
  const gone = [...sides.keys()].filter((id) => !known.has(id));
  if (gone.length > 0) {
    const first = gone[0]!.slice(0, 60);
    throw new DataError(`${file}: names ${gone.length} images that ${config.data} does not have, the first: ${first}`);
  }
  return {
    sides: prepared.map(({ id }) => sides.get(id)),
    how: `from ${file}`,
    notes: [],
    why: "the split does not name it",
  };
}

/**
 * The same with the classes of a configuration, or as in a saved split.
 * @throws DataError
 */
export function splitAsConfigured(
  prepared: readonly Prepared[],
  config: TrainConfig,
  kept: KeptSplit | undefined,
  read: SplitOptions["read"],
): SplitSides {
  const classes = classesOf(config);
  if (!kept) return splitData(prepared, config, { classes, read });
  const { file: split, text } = kept;
  return splitData(prepared, { ...config, split, folds: 0, fold: 0 }, { classes, read: () => text });
}

/** The split in the file format that `--split` reads. */
export function splitFile({ train, val, test, how }: SplitSides, data: string): string {
  const ids = (images: readonly Prepared[]) => images.map(({ id }) => id);
  return writeSplit({ data, how, train: ids(train), val: ids(val), test: ids(test) });
}

/** Leaves images seen in training, as files or as pictures, out of an external set: it would not be external. */
export function withoutSeen(
  external: readonly Prepared[],
  seen: readonly Prepared[],
): { images: Prepared[]; left: Skipped[] } {
  const prints = seen.flatMap(({ print, id }) => (print ? [{ print, id }] : []));
  const files = new Map(seen.flatMap(({ source, id }) => (source ? [[source.file, { id }]] : [])));
  const images: Prepared[] = [];
  const left: Skipped[] = [];
  for (const image of external) {
    const twin =
      (image.source && files.get(image.source.file)) ??
      (image.print && prints.find(({ print }) => nearIdentical(image.print!, print)));
    if (twin) left.push({ file: image.id, reason: `is the picture ${twin.id}, which the network was trained on` });
    else images.push(image);
  }
  return { images, left };
}
