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

/** Feature frequencies, one table per class, indexed by the label. */
export const frequencies: readonly [Frequencies, Frequencies] = [benign, malignant];

/** Minimum evidence for every label, as natural log odds. */
const MIN_EVIDENCE = 4;

/**
 * Draws a nodule of a class. A draw whose features together favour the other class, or barely its own, is repeated: single
 * features often mislead, all together never do. There is no label noise.
 */
export function drawFeatures(label: Label, rng: Random): NoduleFeatures {
  for (;;) {
    const features = drawOnce(frequencies[label], rng);
    const evidence = logOdds(features);
    if ((label === 1 ? evidence : -evidence) >= MIN_EVIDENCE) return features;
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
export function logOdds(features: NoduleFeatures): number {
  const [b, m] = frequencies;
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
