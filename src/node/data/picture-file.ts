/** Resolves picture names, which may denote a frame of a file, and reads their bytes. */
import { stat } from "node:fs/promises";
import path from "node:path";
import { DataError } from "../../data/sample.ts";
import { MOST_BYTES, readRegular, reason } from "../files.ts";

/** A parsed name: the file, and the frame, counted from 1, if it names one. */
export interface PictureName {
  file: string;
  frame?: number;
}

/** The bytes of a picture's file. */
export interface ImageFile extends PictureName {
  bytes: Uint8Array;
}

const FRAME = /^(.+)#([1-9]\d{0,8})$/s;

/** `loop.dcm#12` is frame 12 of loop.dcm, unless a file has that very name. */
export async function parsePictureName(name: string): Promise<PictureName> {
  const [, file, frame] = FRAME.exec(name) ?? [];
  if (file === undefined) return { file: name };
  const whole = await stat(name).catch(() => undefined);
  return whole ? { file: name } : { file, frame: Number(frame) };
}

/** The name of a frame of a file. */
export const frameName = (file: string, frame: number): string => `${file}#${frame}`;

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
export function chooseFrame(frames: readonly number[], { file, frame }: Partial<PictureName>): number {
  if (frame !== undefined) {
    if (frames.includes(frame)) return frame;
    const has =
      frames.length > 1 ? `${frames.length} frames` : frames[0] === 1 ? "one frame" : `one frame, ${frames[0]}`;
    throw new DataError(`has ${has}: there is no frame ${frame}`);
  }
  if (frames.length === 1) return frames[0]!;
  const example = frameName(path.basename(file ?? "FILE"), frames[0]!);
  throw new DataError(`has ${frames.length} frames: name one, as in ${example}, in a manifest`);
}
