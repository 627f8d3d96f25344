/** An open picture file of any format, on any machine: its frames, their sizes, and their pixels in three forms. */
import type { PictureSize, Size } from "../annotation-frame.ts";
import type { GreyImage } from "../grey-image.ts";

/** A file's own numbers, upright, interleaved, row by row. */
export interface Levels extends Size {
  /** 1 grey, 2 with alpha, 3 red, green, blue, 4 with alpha (or cyan, magenta, yellow, black). */
  channels: number;
  levels: Uint8Array | Uint16Array | Int32Array | Uint32Array | Float32Array;
}

/** What viewers show: interleaved 8-bit red, green, blue, row by row. */
export interface Colours extends Size {
  rgb: Uint8Array;
  /** What the user should know about the file. */
  note?: string;
}

/** The pictures in a file, decoded on demand. Its functions throw DataError without the file's name. */
export interface PictureFile {
  /** Frame numbers, from 1; a single picture has one. */
  frames: readonly number[];
  /** The size as viewers show it, from the file's header. */
  size(frame: number): PictureSize;
  /** What viewers show, in grey (luma.ts). */
  grey(frame: number): Promise<GreyImage>;
  /** The file's own numbers at their own depth, 8 bits always as colours; in a mask they may be classes. */
  levels(frame: number): Promise<Levels>;
  /** What viewers show, transparent pixels black. */
  colours(frame: number): Promise<Colours>;
}
