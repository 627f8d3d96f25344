/** Digests of images, so that `split` keeps equal images on one side. */
import { createHash } from "node:crypto";
import type { SplitItem, Tie } from "../../data/clusters.ts";
import { nearPairs } from "../../data/fingerprint.ts";
import type { Prepared } from "../../data/sample.ts";

/**
 * The images as `split` expects them, in the same order. The digest covers the prepared pixels, which are equal for equal
 * files and also for one picture saved losslessly in two formats.
 */
export function splitItems(prepared: readonly Prepared[]): SplitItem[] {
  return prepared.map(({ group, label, grey }) => ({
    group,
    label,
    content: createHash("md5").update(grey).digest("hex"),
  }));
}

/** The pairs of near-identical images. */
export function nearTies(prepared: readonly Prepared[]): Tie[] {
  return nearPairs(prepared.map(({ print }) => print));
}
