/** Bounds on images, so that a damaged or hostile header takes no memory. */

/** Pixels of an image: 8192 x 8192. */
export const MOST_PIXELS = 2 ** 26;

/** Frames of a file. */
export const MOST_FRAMES = 100_000;
