/** Interprets an image file's numbers as grey levels, and checks that they show anything. */
import { bitsInUse, isDim } from "./depth.ts";
import { DataError } from "./sample.ts";

export interface LevelRange {
  least: number;
  greatest: number;
}

export interface Scale {
  /** The number that is white; 0 is black. */
  white: number;
  /** What the user should know about it; undefined if the file left no choice. */
  note?: string;
}

/** Fewer levels than this from the darkest to the brightest pixel show nothing: 4 of a viewer's 64 shades. */
const MIN_LEVELS = 16;
/** Rounding may push numbers beyond their range by this share of it. */
const ROUNDING_SHARE = 1e-3;

/** Bit depths of pictures, including those that only contain fewer bits. */
const DEPTHS = [8, 10, 12, 14, 16];

/**
 * The white level of an image whose file does not state it: integers of 16 or more bits may hold 8 to 16, floats run to 1 or to
 * one of these.
 *
 * The levels decide it if they show how many bits are in use (src/data/depth.ts, as for DICOM). Otherwise 8 or 12 bits, the most
 * common, are assumed if the levels reach a quarter of them: a 16-bit PNG says only that 8 bits were too few, whereas a DICOM
 * file states the bits stored. Levels up to 3,760 are 12 bits, up to 1,000 are 10; up to 600 could be 10 bits or a dim picture
 * of 12, and ambiguous ones are refused.
 *
 * @param range range of all levels in the image, ignoring transparency
 * @throws DataError, without the file's name, with the range
 */
export function whiteLevel({ least, greatest }: LevelRange, kind: "whole" | "float"): Scale {
  if (!Number.isFinite(least) || !Number.isFinite(greatest)) throw new DataError("has levels that are not numbers");
  const range = `levels ${show(least)} to ${show(greatest)}`;
  const rounding = kind === "float" ? ROUNDING_SHARE : 0;
  if (least < -rounding * Math.max(1, greatest)) throw new DataError(`has ${range}: its black level is unknown`);
  if (kind === "float" && greatest <= 1 + rounding) {
    if (greatest < MIN_LEVELS / 256) throw blank(range);
    return { white: 1, note: `has ${range}: read as 0 to 1` };
  }
  const smallest = DEPTHS.find((bits) => greatest <= (2 ** bits - 1) * (1 + rounding));
  if (smallest === undefined) throw new DataError(`has ${range}: its white level is unknown`);
  const bits = bitsInUse(Math.min(greatest, 2 ** smallest - 1), 16) ?? commonest(greatest);
  if (bits === undefined) {
    if (greatest - least < MIN_LEVELS) throw blank(range);
    const larger = smallest === 14 ? "16 bits or one of 14" : `${smallest === 8 ? 8 : 12} bits or one of fewer`;
    throw new DataError(`has ${range}, which is a dim picture of ${larger}; save it with 8 bits`);
  }
  const white = 2 ** bits - 1;
  const dim = isDim(greatest, bits);
  if (bits === 16 && kind === "whole" && !dim) return { white };
  return { white, note: `has ${range}: read as ${bits} bits${dim ? ", which makes it dim" : ""}` };
}

/** 8 or 12 bits if the levels reach a quarter of them. */
const commonest = (greatest: number): number | undefined =>
  [8, 12].find((bits) => greatest <= 2 ** bits - 1 && !isDim(greatest, bits));

const show = (level: number): string => String(Number(level.toPrecision(4)));

const blank = (range: string) => new DataError(`is blank: all its pixels have ${range}`);

/** An image with a side shorter than this, in pixels, shows no nodule. */
const MIN_SIDE_PIXELS = 16;
/** Share of pixels that may lie outside the few levels of a blank picture: a cursor, a line of text, a hot pixel. */
const STRAY = 0.005;

interface Grey {
  width: number;
  height: number;
  grey: Uint8Array;
}

/** @throws DataError, without the file's name, for an image too small to show anything */
export function requireSize({ width, height }: { width: number; height: number }): void {
  if (width >= MIN_SIDE_PIXELS && height >= MIN_SIDE_PIXELS) return;
  throw new DataError(`is too small: ${width}x${height} pixels; each side needs at least ${MIN_SIDE_PIXELS}`);
}

/**
 * Requires a picture: more than a few grey levels, in more than a few pixels.
 *
 * @param part x0, y0, x1, y1 in whole pixels: the part examined, called `name` in the message
 * @throws DataError, without the file's name, with the range of levels that was found
 */
export function requireContent(
  { width, height, grey }: Grey,
  part = { x0: 0, y0: 0, x1: width, y1: height },
  name = "it",
): void {
  const counts = new Uint32Array(256);
  for (let y = part.y0; y < part.y1; y++) {
    for (let i = y * width + part.x0; i < y * width + part.x1; i++) counts[grey[i]!]!++;
  }
  const pixels = (part.x1 - part.x0) * (part.y1 - part.y0);
  const least = counts.findIndex((n) => n > 0);
  const greatest = counts.findLastIndex((n) => n > 0);
  const verb = name === "it" ? "is blank" : `${name} is blank`;
  if (greatest - least < MIN_LEVELS) {
    throw new DataError(`${verb}: all its pixels have ${levels(least, greatest)}`);
  }
  const distinct = counts.reduce((sum, n) => sum + (n > 0 ? 1 : 0), 0);
  if (distinct < MIN_LEVELS / 2) {
    throw new DataError(`${verb}: its pixels have only ${distinct} levels, from ${least} to ${greatest}`);
  }
  // The window of MIN_LEVELS levels that holds the most pixels.
  let [within, from] = [0, 0];
  for (let first = 0; first + MIN_LEVELS <= 256; first++) {
    const sum = counts.subarray(first, first + MIN_LEVELS).reduce((a, b) => a + b, 0);
    if (sum > within) [within, from] = [sum, first];
  }
  if (pixels - within >= STRAY * pixels) return;
  const span = counts.subarray(from, from + MIN_LEVELS);
  const [low, high] = [from + span.findIndex((n) => n > 0), from + span.findLastIndex((n) => n > 0)];
  throw new DataError(`${verb}: all but ${pixels - within} of its pixels have ${levels(low, high)}`);
}

const levels = (least: number, greatest: number): string =>
  least === greatest ? `level ${least}` : `levels ${least} to ${greatest}`;
