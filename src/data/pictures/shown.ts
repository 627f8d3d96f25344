/** From a file's own numbers to what viewers show: depth, transparency, grey. As on the command line, level by level. */
import type { Levels } from "../grey-image.ts";
import type { PictureSize } from "../annotation-frame.ts";
import { scaleLevels, transparent } from "./deep.ts";
import { luma, overBlack } from "./luma.ts";
import type { Colours, PictureFile } from "./picture-file.ts";
import { asColours } from "./png-pixels.ts";

/** A frame as a decoder returns it. */
export interface Frame extends Levels {
  /** Whether the greatest level is black; of levels of more than 8 bits. */
  whiteIsZero?: boolean;
  /** What the user should know about the file. */
  note?: string;
}

/**
 * @param size of a frame
 * @param read decodes a frame: up to 8 bits as red, green, blue, and alpha; upright
 */
export function pictureFile(
  frames: readonly number[],
  size: (frame: number) => PictureSize,
  read: (frame: number) => Promise<Frame>,
): PictureFile {
  // Who looks at a frame often wants it in two forms, so the last one is kept.
  let last: { frame: number; read: Promise<Frame> } | undefined;
  const frameOf = (frame: number): Promise<Frame> => {
    if (last?.frame !== frame) last = { frame, read: read(frame) };
    return last.read;
  };
  return {
    frames,
    size,
    levels: async (frame) => levelsOf(await frameOf(frame)),
    colours: async (frame) => shown(await frameOf(frame)),
    grey: async (frame) => {
      const found = await frameOf(frame);
      const { rgb, width, height, note } = shown(found);
      const grey = luma(rgb, 3);
      if (grey.every((level) => level === 0) && isInvisible(found)) throw transparent();
      return { width, height, grey, ...(note === undefined ? {} : { note }) };
    },
  };
}

/** Unsigned levels whose 0 is white are turned over, as libvips does on the command line. */
function levelsOf({ width, height, channels, levels, whiteIsZero }: Frame): Levels {
  const white = levels instanceof Uint16Array ? 65535 : levels instanceof Uint32Array ? 2 ** 32 - 1 : undefined;
  const turned = whiteIsZero && white !== undefined ? levels.map((level) => white - level) : levels;
  return { width, height, channels, levels: turned };
}

/** @throws DataError, without the file's name, if the white level is unknown */
function shown(frame: Frame): Colours {
  const { width, height, channels, levels } = frame;
  if (levels instanceof Uint8Array) {
    const rgb = channels === 4 ? overBlack(levels) : levels;
    return { width, height, rgb, ...(frame.note === undefined ? {} : { note: frame.note }) };
  }
  const kind = levels instanceof Float32Array ? "float" : "whole";
  const scaled = scaleLevels(frame, kind, frame.whiteIsZero === true);
  const rgb = asColours(scaled.data, scaled.channels).levels;
  const said = [scaled.note, frame.note].filter((note) => note !== undefined).join("; ");
  return { width, height, rgb, ...(said === "" ? {} : { note: said }) };
}

function isInvisible({ levels, channels }: Frame): boolean {
  if (channels !== 4) return false;
  for (let i = 3; i < levels.length; i += 4) if (levels[i] !== 0) return false;
  return true;
}
