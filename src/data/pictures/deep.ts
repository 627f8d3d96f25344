/** Scales pictures of more than 8 bits to 8, by their white level. */
import type { Levels } from "../grey-image.ts";
import type { Size } from "../annotation-frame.ts";
import { whiteLevel } from "../grey-levels.ts";
import { DataError } from "../sample.ts";

export interface Scaled extends Size {
  /** 1 grey, 3 red, green, blue. */
  channels: 1 | 3;
  data: Uint8Array;
  /** What the user should know about the file. */
  note?: string;
}

export const transparent = (): DataError => new DataError("is blank: all its pixels are transparent");

/**
 * @param levels of 1 to 4 channels, the second or fourth alpha
 * @param whiteIsZero whether the file's greatest level is black
 * @returns the picture over black
 * @throws DataError, without the file's name, if its white level is unknown or all is transparent
 */
export function scaleLevels(
  { levels, channels, width, height }: Levels,
  kind: "whole" | "float",
  whiteIsZero: boolean,
): Scaled {
  const alpha = channels === 2 || channels === 4 ? channels - 1 : undefined;
  const colours = alpha ?? channels;
  let [least, greatest, opaque, broken] = [Infinity, -Infinity, 0, 0];
  for (let i = 0; i < levels.length; i += channels) {
    for (let c = 0; c < colours; c++) {
      const level = levels[i + c]!;
      if (level < least) least = level;
      if (level > greatest) greatest = level;
      // Comparisons with NaN are false.
      if (!Number.isFinite(level)) broken = level;
    }
    if (alpha !== undefined) opaque = Math.max(opaque, levels[i + alpha]!);
  }
  if (alpha !== undefined && opaque === 0) throw transparent();
  const { white, note } = whiteLevel({ least: least + broken, greatest: greatest + broken }, kind);
  // Alpha has the same depth if all of it fits.
  const full = opaque <= white ? white : 65535;
  const data = new Uint8Array(width * height * colours);
  for (let i = 0, to = 0; i < levels.length; i += channels) {
    const weight = (alpha === undefined ? 1 : Math.min(1, levels[i + alpha]! / full)) * (255 / white);
    for (let c = 0; c < colours; c++) {
      const level = whiteIsZero ? white - levels[i + c]! : levels[i + c]!;
      data[to++] = Math.min(255, Math.max(0, Math.round(level * weight)));
    }
  }
  return { width, height, channels: colours as 1 | 3, data, ...(note === undefined ? {} : { note }) };
}

/** Colours of more than 8 bits with a profile: what converts them by it in a browser has 8. */
export const deepProfile = (format: string): DataError =>
  new DataError(`is a ${format} image of 16 bits with a colour profile: save it with 8 bits, or without the profile`);
