/**
 * DeLong's test: do two models that scored the same images differ in AUC? By DeLong, DeLong and Clarke-Pearson (Biometrics
 * 1988), with the midranks of Sun and Xu (IEEE Signal Processing Letters 2014), which make it O(n log n). It assumes independent
 * images; several per patient make its intervals too narrow.
 */
import { byScore, type Cases, type Sides, sidesIn } from "./cases.ts";
import { normalQuantile, normalTails } from "./distributions.ts";

/** An AUC and its variance. */
export interface DelongAuc {
  auc: number;
  variance: number;
  /** Clipped to [0, 1]. */
  interval: [number, number];
}

export interface DelongComparison {
  /** The first and the second model. */
  a: DelongAuc;
  b: DelongAuc;
  covariance: number;
  /** AUC of the second minus that of the first. */
  difference: number;
  interval: [number, number];
  /** null if the difference has no variance: both models rank the images alike. */
  z: number | null;
  /** Two-sided; null if z is. */
  p: number | null;
}

/** Why the variance of an AUC cannot be estimated from these labels (1 positive); undefined if it can. */
export function delongReason(label: ArrayLike<number>, sides?: Sides): string | undefined {
  const { positive, negative } = sidesIn({ sides });
  const positives = Array.from(label).filter((l) => l === 1).length;
  const short = [
    [positives, positive],
    [label.length - positives, negative],
  ].find(([count]) => (count as number) < 2);
  return short && `the variance of an AUC needs two images of each class, and ${short[0]} are ${short[1]}`;
}

/** An AUC with its interval. @throws RangeError if `delongReason` gives a reason */
export function delongAuc({ score, label }: Omit<Cases, "weight">, confidence = 0.95): DelongAuc {
  const own = components(score, label);
  return described(own.auc, covariance(own, own), confidence);
}

/**
 * Compares two models. `a[i]`, `b[i]` and `label[i]` belong to the same image.
 * @throws RangeError if `delongReason` gives a reason
 */
export function delong(
  label: ArrayLike<number>,
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  confidence = 0.95,
): DelongComparison {
  if (a.length !== label.length || b.length !== label.length) {
    throw new RangeError(`${a.length} and ${b.length} scores for ${label.length} images`);
  }
  const [x, y] = [components(a, label), components(b, label)];
  const [vx, vy, both] = [covariance(x, x), covariance(y, y), covariance(x, y)];
  const difference = y.auc - x.auc;
  // Rounding leaves a tiny variance where there is none.
  const raw = vx + vy - 2 * both;
  const variance = raw > 1e-14 * (vx + vy) ? raw : 0;
  const half = normalQuantile((1 + confidence) / 2) * Math.sqrt(variance);
  const z = variance > 0 ? difference / Math.sqrt(variance) : null;
  return {
    a: described(x.auc, vx, confidence),
    b: described(y.auc, vy, confidence),
    covariance: both,
    difference,
    interval: [difference - half, difference + half],
    z,
    p: z === null ? null : normalTails(z),
  };
}

function described(auc: number, variance: number, confidence: number): DelongAuc {
  const half = normalQuantile((1 + confidence) / 2) * Math.sqrt(variance);
  return { auc, variance, interval: [Math.max(0, auc - half), Math.min(1, auc + half)] };
}

/** Structural components: for each positive image the share of negatives below it, for each negative the positives above it. */
interface Components {
  auc: number;
  positive: Float64Array;
  negative: Float64Array;
}

function components(score: ArrayLike<number>, label: ArrayLike<number>): Components {
  const reason = delongReason(label);
  if (reason !== undefined) throw new RangeError(reason);
  const all = Array.from({ length: label.length }, (_, i) => i);
  const sides = [all.filter((i) => label[i] === 1), all.filter((i) => label[i] !== 1)] as const;
  const pick = (indices: readonly number[]) => Float64Array.from(indices, (i) => score[i]!);
  const [p, n] = [pick(sides[0]), pick(sides[1])];
  const [m, k] = [p.length, n.length];
  const ranks = midranks(pick([...sides[0], ...sides[1]]));
  const [own, others] = [midranks(p), midranks(n)];
  const positive = own.map((rank, i) => (ranks[i]! - rank) / k);
  const negative = others.map((rank, j) => 1 - (ranks[m + j]! - rank) / m);
  return { auc: mean(positive), positive, negative };
}

/** Ranks from 1; equal values share their mean rank. */
function midranks(values: Float64Array): Float64Array {
  const order = byScore(values);
  const ranks = new Float64Array(values.length);
  for (let i = 0; i < order.length;) {
    let j = i + 1;
    while (j < order.length && values[order[j]!] === values[order[i]!]) j++;
    for (let k = i; k < j; k++) ranks[order[k]!] = (i + 1 + j) / 2;
    i = j;
  }
  return ranks;
}

const mean = (values: Float64Array): number => values.reduce((a, b) => a + b, 0) / values.length;

/** Covariance of two AUCs. */
function covariance(x: Components, y: Components): number {
  const part = (a: Float64Array, b: Float64Array, meanA: number, meanB: number) => {
    let sum = 0;
    for (let i = 0; i < a.length; i++) sum += (a[i]! - meanA) * (b[i]! - meanB);
    return sum / (a.length - 1) / a.length;
  };
  return part(x.positive, y.positive, x.auc, y.auc) + part(x.negative, y.negative, x.auc, y.auc);
}
