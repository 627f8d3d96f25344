/** Answers of a network that cannot be right, whatever the image shows. */
import type { Prediction } from "../train/predictor.ts";

export interface Doubt {
  /** Why, in one line. */
  text: string;
  /** Whether there is no answer at all. */
  isNone: boolean;
}

/**
 * Weights whose activations overflow give infinities. Some kernels pass them on; rectifiers and the like turn what is not a number into
 * 0, and then the only trace is a mask without any structure.
 */
export function doubtOf({ probabilities, mask }: Prediction): Doubt | undefined {
  if (!(probabilities?.every(Number.isFinite) ?? true) || !(mask?.every(Number.isFinite) ?? true)) {
    return { text: "the network's answer is not a number: its activations overflow", isNone: true };
  }
  if (mask && mask.length > 1 && mask.every((value) => value === mask[0])) {
    return {
      text: "the mask has the same value at every pixel, as where activations overflow: the answer cannot be relied on",
      isNone: false,
    };
  }
  return undefined;
}
