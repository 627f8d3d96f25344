/** From 8-bit colours to grey, and transparency onto black: integers only, so the same on every machine. */

/**
 * Luma of ITU-R BT.601 (0.299 R + 0.587 G + 0.114 B), rounded; grey keeps its level.
 *
 * @param colours red, green, blue and whatever follows, `channels` numbers for each pixel
 */
export function luma(colours: ArrayLike<number>, channels: number): Uint8Array {
  const grey = new Uint8Array(colours.length / channels);
  for (let i = 0, j = 0; i < grey.length; i++, j += channels) {
    // The weights in units of 2^-16; they sum to 2^16, so a grey pixel keeps its level.
    grey[i] = (19595 * colours[j]! + 38470 * colours[j + 1]! + 7471 * colours[j + 2]! + 32768) >> 16;
  }
  return grey;
}

/** Interleaved red, green, blue, alpha over black, rounded down, as libvips does on the command line. */
export function overBlack(rgba: Uint8Array | Uint8ClampedArray): Uint8Array {
  const rgb = new Uint8Array((3 * rgba.length) / 4);
  for (let i = 0, to = 0; i < rgba.length; i += 4) {
    const alpha = rgba[i + 3]!;
    for (let c = 0; c < 3; c++) rgb[to++] = Math.floor((rgba[i + c]! * alpha) / 255);
  }
  return rgb;
}

/** Cyan, magenta, yellow, black as viewers show them without a profile: what the inks let through, multiplied. */
export function throughInks(inks: ArrayLike<number>): Uint8Array {
  const rgb = new Uint8Array((3 * inks.length) / 4);
  for (let i = 0, to = 0; i < inks.length; i += 4) {
    for (let c = 0; c < 3; c++) rgb[to++] = Math.round(((255 - inks[i + c]!) * (255 - inks[i + 3]!)) / 255);
  }
  return rgb;
}
