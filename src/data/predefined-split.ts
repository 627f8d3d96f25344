/** A split as the data set gives it, made safe: what is trained on is nowhere else. */
import { connected, type SplitItem, type Tie } from "./clusters.ts";
import type { Side } from "./sample.ts";

/** The side of each item; undefined where it is left out. */
export type Sides = (Side | undefined)[];

/** From what nobody may have seen to what is learnt from. */
const GUARDED: readonly Side[] = ["test", "val", "train"];

/**
 * Takes every image away from training whose patient or picture is also held out, and from validation whose is in the test:
 * the held-out sides then are the set's own, and figures can be compared with those of others.
 *
 * @returns the sides, and the indices of the items that were taken away
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
