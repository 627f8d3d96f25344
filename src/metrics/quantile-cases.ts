/** Picks images by a rule that knows no favourites: at fixed places in the order of a network's certainty. */
import type { Classified } from "./predictions.ts";

/** An image, and its place in the order. */
export interface QuantileCase {
  /** 0 the least certain of the truth, 1 the most. */
  quantile: number;
  image: Classified;
}

/** The probability of an image's actual class. */
export const ofActual = ({ probabilities, label }: Classified): number => probabilities[label]!;

/**
 * The images at the quantiles when ordered by the probability of the actual class, lowest first, then by name: that of n images
 * at q is the one at round(q (n - 1)). Of few images there are fewer cases: each is taken once, for the quantile nearest to its
 * place.
 */
export function quantileCases(images: readonly Classified[], quantiles: readonly number[]): QuantileCase[] {
  const order = [...images].sort((a, b) => ofActual(a) - ofActual(b) || (a.image < b.image ? -1 : 1));
  const last = order.length - 1;
  const taken = new Map<number, number>();
  for (const quantile of quantiles) {
    const rank = Math.round(quantile * last);
    const before = taken.get(rank);
    const off = (q: number) => Math.abs(q * last - rank);
    if (order[rank] && (before === undefined || off(quantile) < off(before))) taken.set(rank, quantile);
  }
  return [...taken].map(([rank, quantile]) => ({ quantile, image: order[rank]! }));
}
