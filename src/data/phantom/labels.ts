/** What the phantom's labels may say of an image: its class, or the kind of its nodules. */
import { benignMalignant } from "../classes.ts";
import type { Target } from "../readers/class-words.ts";
import { type Classes, DataError } from "../sample.ts";
import type { PhantomImage } from "./phantom.ts";

const classes: Partial<Record<Target, Classes>> = {
  class: benignMalignant,
  kind: { names: ["benign solid", "benign cystic", "malignant"], positive: 2 },
};

/** @throws DataError for what the phantom does not know */
export function phantomClasses(target: Target): Classes {
  const known = classes[target];
  if (!known) throw new DataError("the phantom has no TI-RADS grades");
  return known;
}

/** Index into `phantomClasses`. Of two benign nodules, a cystic one makes the image benign cystic. */
export function phantomLabel({ label, features }: Pick<PhantomImage, "label" | "features">, target: Target): number {
  if (target !== "kind") return label;
  if (label === 1) return 2;
  return features.some(({ composition }) => composition !== "solid") ? 1 : 0;
}
