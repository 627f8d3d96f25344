/** Splits a data set into training and validation sides that share nothing. */
import { connected, type SplitItem, type Tie } from "./clusters.ts";
import { permutation, stream } from "./random.ts";
import { benignMalignant, className } from "./classes.ts";
import { type Classes, DataError, type Label } from "./sample.ts";

/** Indices into the items, ascending. Every item is on one side. */
export interface Split {
  train: number[];
  val: number[];
  /** Constraints that could not be met, one line each. */
  notes: string[];
}

/** The strata of a split: every class that occurs, in order, and the images without one. */
export function strataOf(items: readonly { label: Label }[]): Label[] {
  const labels = new Set(items.map(({ label }) => label));
  const known = [...labels].filter((label) => label !== undefined).sort((a, b) => a - b);
  return labels.has(undefined) ? [...known, undefined] : known;
}

/**
 * Splits items at random into a training and a validation side.
 *
 * Items that share a group or content, or are tied, directly or through others, stay together. In an order given by the seed,
 * the validation side takes each such cluster that still fits its share of every stratum (each class, and the images without
 * one). Every stratum is then on both sides, unless a note says that this was impossible.
 *
 * @param options.val the validation side's share of the items, 0 <= val < 1
 * @param options.ties pairs of items that stay together, such as near-identical images
 * @param options.classes for notes; default benign and malignant
 * @throws DataError for no items or a share out of range
 */
export function split(
  items: readonly SplitItem[],
  options: { val: number; seed: number; ties?: readonly Tie[]; classes?: Classes },
): Split {
  const { val, seed, ties = [], classes = benignMalignant } = options;
  if (!(val >= 0 && val < 1)) throw new DataError(`a validation share of ${val} is not possible: it must be in [0, 1)`);
  if (items.length === 0) throw new DataError("there is no image to split");
  const clusters = connected(items, ties);
  const order = permutation(clusters.length, stream(seed));
  const strata = strataOf(items);
  const counts = clusters.map((members) =>
    strata.map((label) => members.filter((i) => items[i]!.label === label).length),
  );
  const notes: string[] = [];

  const total = strata.map((label) => items.filter((item) => item.label === label).length);
  const target = total.map((n, s) => {
    const holders = counts.filter((c) => c[s]! > 0).length;
    if (val === 0 || holders < 2) return 0;
    return Math.min(n - 1, Math.max(1, Math.round(val * n)));
  });

  const chosen = new Set<number>();
  const taken = strata.map(() => 0);
  const take = (cluster: number) => {
    chosen.add(cluster);
    counts[cluster]!.forEach((n, s) => (taken[s]! += n));
  };
  for (const cluster of order) {
    if (counts[cluster]!.every((n, s) => taken[s]! + n <= target[s]!)) take(cluster);
  }
  strata.forEach((label, s) => {
    if (val === 0 || total[s] === 0 || taken[s]! > 0) return;
    // Every cluster of this stratum exceeds its share: move the smallest one that leaves training some of each stratum.
    const leavesSome = (c: number) => counts[c]!.every((n, t) => n === 0 || taken[t]! + n < total[t]!);
    const able = order.filter((c) => !chosen.has(c) && counts[c]![s]! > 0 && leavesSome(c));
    if (able.length > 0) take(able.reduce((a, b) => (clusters[b]!.length < clusters[a]!.length ? b : a)));
    else
      notes.push(
        `no ${className(label, classes)} image is on the validation side: cases and duplicate images tie them together`,
      );
  });

  const side = (validation: boolean) =>
    clusters.flatMap((members, c) => (chosen.has(c) === validation ? members : [])).sort((a, b) => a - b);
  return { train: side(false), val: side(true), notes };
}
