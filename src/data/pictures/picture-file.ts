/** An open picture file of any format, on any machine: its frames, their sizes, and their pixels in three forms. */
import type { PictureSize, Size } from "../annotation-frame.ts";
import type { GreyImage, Levels } from "../grey-image.ts";

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
