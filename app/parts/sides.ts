/** The sides of a split in words. */
import type { Side } from "../../src/data/sample.ts";

export const sides: readonly (readonly [Side, string])[] = [
  ["train", "trained on"],
  ["val", "held out"],
  ["test", "kept for the end"],
];

/** Of an image without a side of its own. */
export const ALONE = "drawn at random";
