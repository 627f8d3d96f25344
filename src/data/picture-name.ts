/** Names of pictures, which may denote a frame of a file. */
import { DataError } from "./sample.ts";

/** A parsed name: the file, and the frame, counted from 1, if it names one. */
export interface PictureName {
  file: string;
  frame?: number;
}

const FRAME = /^(.+)#([1-9]\d{0,8})$/s;

/** `loop.dcm#12` is frame 12 of loop.dcm; undefined for a name without a frame. */
export function frameOf(name: string): Required<PictureName> | undefined {
  const [, file, frame] = FRAME.exec(name) ?? [];
  return file === undefined ? undefined : { file, frame: Number(frame) };
}

/** The name of a frame of a file. */
export const frameName = (file: string, frame: number): string => `${file}#${frame}`;

/**
 * The frame meant.
 *
 * @param frames those of the file, from 1
 * @param named the file without its folders, for the message, and the frame that was named
 * @throws DataError, without the file's name, if none is named, or it does not exist
 */
export function frameAmong(frames: readonly number[], { file = "FILE", frame }: Partial<PictureName>): number {
  if (frame !== undefined) {
    if (frames.includes(frame)) return frame;
    const has =
      frames.length > 1 ? `${frames.length} frames` : frames[0] === 1 ? "one frame" : `one frame, ${frames[0]}`;
    throw new DataError(`has ${has}: there is no frame ${frame}`);
  }
  if (frames.length === 1) return frames[0]!;
  throw new DataError(`has ${frames.length} frames: name one, as in ${frameName(file, frames[0]!)}, in a manifest`);
}
