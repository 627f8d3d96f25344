/**
 * Draws a nodule's features given its class: the five feature groups of ACR TI-RADS (Tessler et al. 2017), with invented
 * frequencies such that every feature occurs in both classes and none decides alone.
 */
import type { Random } from "./random.ts";

export type Label = 0 | 1;

export type Echogenicity = "hyperechoic" | "isoechoic" | "hypoechoic" | "markedlyHypoechoic";
export type Margin = "smooth" | "illDefined" | "lobulated" | "spiculated";
export type Composition = "solid" | "spongiform" | "partlyCystic";
export type Calcification = "none" | "micro" | "macro" | "cometTail";

export interface NoduleFeatures {
  /** Height over width of the box; above 1 is "taller than wide". */
  aspect: number;
  margin: Margin;
  echogenicity: Echogenicity;
  calcification: Calcification;
  composition: Composition;
  /** A thin dark rim. */
  halo: boolean;
}

interface Frequencies {
  /** Of the natural logarithm of the aspect, which is normal. */
  logAspect: { mean: number; deviation: number };
  margin: Record<Margin, number>;
  echogenicity: Record<Echogenicity, number>;
  calcification: Record<Calcification, number>;
  composition: Record<Composition, number>;
  halo: Record<"yes" | "no", number>;
}

/** How often nodules look like what. */
export interface NoduleStatistics {
  /** One table per class, indexed by the label. */
  frequencies: readonly [Frequencies, Frequencies];
  /** Minimum evidence for every label, as natural log odds. */
  minEvidence: number;
  /** Geometric mean of the box's sides as a share of the scan's shorter side, of one nodule and of each of two. */
  size: { one: readonly [number, number]; two: readonly [number, number] };
  /** Share of images with two nodules. */
  twoNodules: number;
}

const benign: Frequencies = {
  logAspect: { mean: -0.175, deviation: 0.19 },
  margin: { smooth: 0.66, illDefined: 0.17, lobulated: 0.13, spiculated: 0.04 },
  echogenicity: { hyperechoic: 0.13, isoechoic: 0.5, hypoechoic: 0.3, markedlyHypoechoic: 0.07 },
  calcification: { none: 0.62, micro: 0.06, macro: 0.17, cometTail: 0.15 },
  composition: { solid: 0.5, spongiform: 0.22, partlyCystic: 0.28 },
  halo: { yes: 0.64, no: 0.36 },
};

const malignant: Frequencies = {
  logAspect: { mean: -0.015, deviation: 0.19 },
  margin: { smooth: 0.15, illDefined: 0.19, lobulated: 0.33, spiculated: 0.33 },
  echogenicity: { hyperechoic: 0.02, isoechoic: 0.09, hypoechoic: 0.46, markedlyHypoechoic: 0.43 },
  calcification: { none: 0.22, micro: 0.62, macro: 0.13, cometTail: 0.03 },
  composition: { solid: 0.88, spongiform: 0.03, partlyCystic: 0.09 },
  halo: { yes: 0.1, no: 0.9 },
};

export const statistics: NoduleStatistics = {
  frequencies: [benign, malignant],
  minEvidence: 4,
  size: { one: [0.33, 0.57], two: [0.26, 0.36] },
  twoNodules: 1 / 16,
};

const benignB: Frequencies = {
  logAspect: { mean: -0.12, deviation: 0.21 },
  margin: { smooth: 0.48, illDefined: 0.3, lobulated: 0.16, spiculated: 0.06 },
  echogenicity: { hyperechoic: 0.06, isoechoic: 0.38, hypoechoic: 0.44, markedlyHypoechoic: 0.12 },
  calcification: { none: 0.6, micro: 0.1, macro: 0.22, cometTail: 0.08 },
  composition: { solid: 0.62, spongiform: 0.14, partlyCystic: 0.24 },
  halo: { yes: 0.45, no: 0.55 },
};

const malignantB: Frequencies = {
  logAspect: { mean: 0.02, deviation: 0.21 },
  margin: { smooth: 0.2, illDefined: 0.33, lobulated: 0.27, spiculated: 0.2 },
  echogenicity: { hyperechoic: 0.02, isoechoic: 0.16, hypoechoic: 0.5, markedlyHypoechoic: 0.32 },
  calcification: { none: 0.38, micro: 0.42, macro: 0.17, cometTail: 0.03 },
  composition: { solid: 0.9, spongiform: 0.03, partlyCystic: 0.07 },
  halo: { yes: 0.1, no: 0.9 },
};

/** Of scanner B's patients: smaller nodules, less often typical. */
export const statisticsB: NoduleStatistics = {
  frequencies: [benignB, malignantB],
  minEvidence: 1.5,
  size: { one: [0.26, 0.48], two: [0.22, 0.32] },
  twoNodules: 1 / 8,
};

/**
 * Draws a nodule of a class. A draw whose features together favour the other class, or barely its own, is repeated: single
 * features often mislead, all together never do. There is no label noise.
 */
export function drawFeatures(label: Label, rng: Random, of: NoduleStatistics = statistics): NoduleFeatures {
  for (;;) {
    const features = drawOnce(of.frequencies[label], rng);
    const evidence = logOdds(features, of);
    if ((label === 1 ? evidence : -evidence) >= of.minEvidence) return features;
  }
}

function drawOnce(f: Frequencies, rng: Random): NoduleFeatures {
  return {
    aspect: aspectOf(rng.normal(f.logAspect.mean, f.logAspect.deviation)),
    margin: rng.weighted(f.margin),
    echogenicity: rng.weighted(f.echogenicity),
    calcification: rng.weighted(f.calcification),
    composition: rng.weighted(f.composition),
    halo: rng.weighted(f.halo) === "yes",
  };
}

/** exp by its series, for the small arguments here: Math.exp may differ between engines in the last bit. */
function aspectOf(log: number): number {
  let term = 1;
  let sum = 1;
  for (let n = 1; n <= 12; n++) sum += term *= log / n;
  return sum;
}

/**
 * ln p(features | malignant) - ln p(features | benign), assuming independent features: above 0 favours malignant.
 * Math.log is accurate enough: the result is only compared with thresholds, and never falls on one.
 */
export function logOdds(features: NoduleFeatures, { frequencies: [b, m] } = statistics): number {
  const z = (f: Frequencies) => (Math.log(features.aspect) - f.logAspect.mean) / f.logAspect.deviation;
  const halo = features.halo ? "yes" : "no";
  return (
    (z(b) ** 2 - z(m) ** 2) / 2 +
    Math.log(b.logAspect.deviation / m.logAspect.deviation) +
    Math.log(m.margin[features.margin] / b.margin[features.margin]) +
    Math.log(m.echogenicity[features.echogenicity] / b.echogenicity[features.echogenicity]) +
    Math.log(m.calcification[features.calcification] / b.calcification[features.calcification]) +
    Math.log(m.composition[features.composition] / b.composition[features.composition]) +
    Math.log(m.halo[halo] / b.halo[halo])
  );
}
