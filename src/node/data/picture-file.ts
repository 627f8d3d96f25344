/** Resolves picture names, which may denote a frame of a file, and reads their bytes. */
import { stat } from "node:fs/promises";
import path from "node:path";
import { frameAmong, frameOf, type PictureName } from "../../data/picture-name.ts";
import { DataError } from "../../data/sample.ts";
import { MOST_BYTES, readRegular, reason } from "../files.ts";

export { frameName } from "../../data/picture-name.ts";

/** The bytes of a picture's file. */
export interface ImageFile extends PictureName {
  bytes: Uint8Array;
}

/** `loop.dcm#12` is frame 12 of loop.dcm, unless a file has that very name. */
export async function parsePictureName(name: string): Promise<PictureName> {
  const framed = frameOf(name);
  if (framed === undefined) return { file: name };
  const whole = await stat(name).catch(() => undefined);
  return whole ? { file: name } : framed;
}

/** @throws DataError without the file's name */
export async function readImage(name: string): Promise<ImageFile> {
  const parsed = await parsePictureName(name);
  try {
    return { ...parsed, bytes: await readRegular(parsed.file, MOST_BYTES.image) };
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw new DataError(missing ? "there is no such file" : `cannot be read: ${reason(error)}`);
  }
}

/** The frame meant. @throws DataError, without the file's name, if none is named, or it does not exist */
export const chooseFrame = (frames: readonly number[], { file, ...named }: Partial<PictureName>): number =>
  frameAmong(frames, { ...named, ...(file === undefined ? {} : { file: path.basename(file) }) });
