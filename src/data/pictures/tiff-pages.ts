/** Which pages of a TIFF file are frames. */
import type { Size } from "../annotation-frame.ts";

/** No file has more smaller copies of a picture than this. */
export const MAX_COPIES = 32;

/**
 * A picture in a TIFF file often comes with thumbnails or ever smaller copies; if all other pages are at most half as large in
 * each direction, there is one frame: the largest page.
 *
 * @param sizes of all pages
 * @returns the numbers of the pages that are frames, from 1
 */
export function framesOfPages(sizes: readonly Size[]): number[] {
  const all = sizes.map((_, i) => i + 1);
  if (sizes.length === 1 || sizes.length > MAX_COPIES) return all;
  const largest = sizes.reduce((a, b) => (b.width * b.height > a.width * a.height ? b : a));
  const rest = sizes.filter((size) => size !== largest);
  const smaller = rest.every(({ width, height }) => 2 * width <= largest.width + 1 && 2 * height <= largest.height + 1);
  return smaller ? [sizes.indexOf(largest) + 1] : all;
}

/** What the user should know where pages are left out. */
export const copiesNote = (pages: number, frame: number): string =>
  `has ${pages} pages: page ${frame} is used, the others are smaller copies`;
