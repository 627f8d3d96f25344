/** The images that tell most of a model: where it is right and sure, where it is wrong and sure, where it does not know. */
import type { ImagePrediction } from "./predictions.ts";

export const tellingKinds = ["worst", "uncertain", "best"] as const;
export type TellingKind = (typeof tellingKinds)[number];

export interface TellingCase {
  kind: TellingKind;
  /** From 1: the worst of the worst, the most uncertain of the uncertain, the best of the best. */
  rank: number;
  /** Position among the predictions. */
  index: number;
}

/**
 * Up to `count` images of each kind, none twice: worst by the least probability of the image's own class, uncertain by the
 * least distance from the threshold, best by the greatest probability of its own class. Images that lack a class or a
 * probability count for nothing. Equals come in their order.
 */
export function tellingCases(
  images: readonly Pick<ImagePrediction, "label" | "malignant">[],
  count: number,
  threshold = 0.5,
): TellingCase[] {
  const known = images.flatMap(({ label, malignant }, index) =>
    label === null || malignant === null
      ? []
      : [{ index, own: label === 1 ? malignant : 1 - malignant, doubt: Math.abs(malignant - threshold) }],
  );
  const taken = new Set<number>();
  const orders: Record<TellingKind, (c: (typeof known)[number]) => number> = {
    worst: ({ own }) => own,
    uncertain: ({ doubt }) => doubt,
    best: ({ own }) => -own,
  };
  return tellingKinds.flatMap((kind) => {
    const order = orders[kind];
    const left = known
      .filter(({ index }) => !taken.has(index))
      .sort((a, b) => order(a) - order(b) || a.index - b.index);
    return left.slice(0, count).map(({ index }, i): TellingCase => {
      taken.add(index);
      return { kind, rank: i + 1, index };
    });
  });
}
