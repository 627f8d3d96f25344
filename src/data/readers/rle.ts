/** Decodes run-length masks: COCO's and CVAT's. */
import { DataError } from "../sample.ts";

/** Larger masks are refused before memory is allocated for them. */
const MAX_PIXELS = 2 ** 26;

/**
 * Decompresses COCO's run lengths: six bits per character from "0" on, five of them payload, least significant first, the sixth
 * a continuation flag; from the fourth run on, values are differences from the run two before.
 *
 * @throws DataError for text not in this form
 */
export function decompressCounts(text: string): number[] {
  const counts: number[] = [];
  for (let at = 0; at < text.length;) {
    let value = 0;
    for (let shift = 0; ; shift += 5) {
      const code = text.charCodeAt(at++) - 48;
      // The code is NaN at the end of the text.
      if (!(code >= 0 && code < 64) || shift > 30) throw new DataError("has damaged run lengths");
      value += (code & 0x1f) * 2 ** shift;
      if (code & 0x20) continue;
      if (code & 0x10) value -= 2 ** (shift + 5);
      break;
    }
    counts.push(counts.length > 2 ? value + counts[counts.length - 2]! : value);
  }
  return counts;
}

/**
 * The mask, row by row, from runs of alternating 0 and 1: down the columns as in COCO, or along the rows.
 *
 * @throws DataError for runs that do not fill the mask exactly, or too large a mask
 */
export function maskOfRuns(
  counts: readonly number[],
  { width, height }: { width: number; height: number },
  order: "columns" | "rows",
): Uint8Array {
  if (!(width >= 1 && height >= 1 && width * height <= MAX_PIXELS)) {
    throw new DataError(`has a mask of ${width}x${height}, which is not a possible size`);
  }
  const pixels = width * height;
  const sum = counts.reduce((total, count) => (count >= 0 ? total + count : NaN), 0);
  if (sum !== pixels) throw new DataError(`has run lengths that do not fill its mask of ${width}x${height}`);
  const mask = new Uint8Array(pixels);
  let at = 0;
  for (const [i, count] of counts.entries()) {
    if (i % 2 === 1) {
      if (order === "rows") mask.fill(1, at, at + count);
      else for (let k = at; k < at + count; k++) mask[(k % height) * width + Math.floor(k / height)] = 1;
    }
    at += count;
  }
  return mask;
}
