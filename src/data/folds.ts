/** k-fold cross-validation: every image is held out once, and clusters are never split. */
import { connected, type SplitItem, type Tie } from "./clusters.ts";
import { permutation, stream } from "./random.ts";
import { DataError } from "./sample.ts";
import { strataOf } from "./split.ts";

/**
 * The fold of each item, 0 .. folds - 1. Clusters are assigned largest first, with ties ordered by the seed, each to the fold
 * that most lacks its classes.
 *
 * @throws DataError for more folds than the clusters can fill
 */
export function dealFolds(
  items: readonly SplitItem[],
  { folds, seed, ties = [] }: { folds: number; seed: number; ties?: readonly Tie[] },
): number[] {
  const clusters = connected(items, ties);
  if (!Number.isSafeInteger(folds) || folds < 2) throw new DataError(`${folds} folds are not possible: at least 2 are`);
  if (clusters.length < folds) {
    throw new DataError(
      `${folds} folds are not possible: there are ${clusters.length} cases without an image in common`,
    );
  }
  const strata = strataOf(items);
  const counts = clusters.map((members) =>
    strata.map((label) => members.filter((i) => items[i]!.label === label).length),
  );
  const share = strata.map((label) => items.filter((item) => item.label === label).length / folds);
  const filled = Array.from({ length: folds }, () => strata.map(() => 0));
  const order = permutation(clusters.length, stream(seed, folds)).sort(
    (a, b) => clusters[b]!.length - clusters[a]!.length,
  );
  const result = items.map(() => 0);
  for (const cluster of order) {
    const count = counts[cluster]!;
    // How far the fold would exceed its share of each class, as a fraction of the class.
    const cost = filled.map((fold) =>
      fold.reduce((sum, n, s) => sum + (count[s]! > 0 ? ((n + count[s]!) / share[s]!) * count[s]! : 0), 0),
    );
    const size = filled.map((fold) => fold.reduce((a, b) => a + b));
    let best = 0;
    for (let f = 1; f < folds; f++) {
      if (cost[f]! < cost[best]! || (cost[f] === cost[best] && size[f]! < size[best]!)) best = f;
    }
    count.forEach((n, s) => (filled[best]![s]! += n));
    for (const i of clusters[cluster]!) result[i] = best;
  }
  return result;
}
