/**
 * Detects inverted masks, which are lit where the nodule is not. A nodule may touch a border and may be large, so neither alone
 * is evidence: what counts is how much of the border is lit, and a dark island in lit surroundings.
 */
import { DataError } from "../sample.ts";
import { borderOf, filled } from "./layers.ts";

/**
 * A nodule cut off by one side of the image lights at most that side, about 30 % of the border; one that fills the image lights
 * parts of all sides. The surroundings of a nodule light the whole border except where the nodule touches it.
 */
const RIM = 0.5;
/** An ellipse that touches all four sides covers 79 % of the image. */
const COVER = 0.8;
/** A nodule nearly always covers less than this; above it, a dark island of at least this share of the image is the nodule. */
const HALF = 0.5;
const ISLAND = 0.005;

/**
 * @param lit width × height values, not 0 where the mask counts as foreground
 * @throws DataError with the reason why the mask looks inverted
 */
export function requireNotInverted(lit: Uint8Array, width: number, height: number, inverted: boolean): void {
  const count = countLit(lit);
  if (count === 0) return;
  const rim = borderOf(width, height);
  const share = rim.filter((i) => lit[i] !== 0).length / rim.length;
  const covered = count / lit.length;
  if (covered === 1) throw new DataError("is lit everywhere: it marks nothing");
  const because = inverted
    ? "though it is read with --masks-inverted"
    : "so it may be inverted: --masks-inverted, if all are";
  const fail = (part: number, of: string) => {
    throw new DataError(`covers ${Math.round(100 * part)} % of ${of}, ${because}`);
  };
  if (share >= RIM) fail(share, "the image's borders");
  if (covered >= COVER) fail(covered, "the image");
  if (covered < HALF) return;
  const island = (countLit(filled(lit, width, height)) - count) / lit.length;
  if (island >= ISLAND) fail(covered, "the image around a dark place");
}

/** Number of non-zero values. */
export function countLit(mask: Uint8Array): number {
  let count = 0;
  for (let i = 0; i < mask.length; i++) if (mask[i] !== 0) count++;
  return count;
}
