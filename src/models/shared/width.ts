/** Channel counts of the comparison networks at a width. */

/** A channel count at a width: the nearest multiple of 8, at least 8. */
export const eights = (channels: number, width: number): number => Math.max(8, 8 * Math.round((channels * width) / 8));
