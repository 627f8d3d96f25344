/** Removes leaks from a data set's own split, so that no training image is held out. */
import { connected, type SplitItem, type Tie } from "./clusters.ts";
import type { Side } from "./sample.ts";

/** The side of each item; undefined if left out. */
export type Sides = (Side | undefined)[];

/** Sides by priority: the test side keeps its images, training gives way. */
const GUARDED: readonly Side[] = ["test", "val", "train"];

/**
 * Removes from training every image whose patient or picture is also held out, and from validation those also in the test
 * side. The held-out sides stay the set's own, so metrics remain comparable with others'.
 *
 * @returns the sides, and the indices of the removed items
 */
export function withoutLeaks(
  items: readonly SplitItem[],
  sides: Readonly<Sides>,
  ties: readonly Tie[] = [],
): { sides: Sides; left: number[] } {
  const safe = [...sides];
  const left: number[] = [];
  for (const members of connected(items, ties)) {
    const guarded = GUARDED.find((side) => members.some((i) => sides[i] === side));
    for (const i of members) {
      if (sides[i] === undefined || sides[i] === guarded) continue;
      safe[i] = undefined;
      left.push(i);
    }
  }
  return { sides: safe, left: left.sort((a, b) => a - b) };
}
