/** Limits on images, so that a damaged or hostile header cannot claim memory. */

import { DataError } from "../sample.ts";

/** Maximum pixels per image: 8192 x 8192. */
export const MAX_PIXELS = 2 ** 26;

export const tooLarge = (width: number, height: number): DataError =>
  new DataError(`is an image of ${width}x${height}: too large; at most ${MAX_PIXELS} pixels (8192x8192) are read`);

/** Maximum frames per file. */
export const MAX_FRAMES = 100_000;
