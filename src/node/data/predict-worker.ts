/** Worker thread of ./predicted-images.ts: prepares the images of a list, of a film some frames at a time. */
import type { PrepareSize } from "../../data/crop-image.ts";
import { frameOf } from "../../data/picture-name.ts";
import { type Box, DataError } from "../../data/sample.ts";
import { InputError } from "../files.ts";
import { pathOf, type ImageList } from "./image-list.ts";
import { FolderPathFinder } from "./path-finder.ts";
import { frameName } from "./picture-file.ts";
import { openPredicted, type PredictedFile, preparePredicted } from "./predicted-file.ts";
import type { WorkerFile } from "./worker-thread.ts";

export type PredictInit = Pick<ImageList, "dir" | "manifest"> & PrepareSize;

export interface PredictTask {
  name: string;
  cropped: boolean;
  /** Only the frames after this one; 0 for all. */
  after: number;
}

/** A prepared image, or why there is none. */
export type PredictPicture =
  | { name: string; grey: Uint8Array; width: number; height: number; crop: Box; note?: string }
  | { name: string; reason: string };

export interface PredictResult {
  pictures: PredictPicture[];
  /** The last frame, if a film's further ones are to be asked for. */
  more?: number;
  /** The file could not be read, for a reason that may pass or concern others too. */
  trouble?: { file: string; reason: string; code: string };
  /** Milliseconds of this thread. */
  took: number;
}

/** Frames of a film in one answer. */
const FRAMES = 16;

/** What is a file's own fault, now and later. Anything else is the system's: a disk's error, a server that does not answer. */
const OWN_FAULTS = new Set(["UNUSABLE", "EACCES", "EPERM", "EISDIR", "ENAMETOOLONG", "ELOOP"]);

export const worker: WorkerFile<PredictInit, PredictTask, PredictResult> = {
  start: ({ dir, manifest, ...size }) => {
    const finder = new FolderPathFinder(dir, { counts: false });
    /** The film that is being asked for, which is long to read. */
    let film: { name: string; opened: PredictedFile } | undefined;
    return async ({ name, cropped, after }) => {
      const begun = performance.now();
      const result: PredictResult = { pictures: [], took: 0 };
      let file = name;
      try {
        file = await pathOf({ dir, manifest }, name, finder);
        const opened = film?.name === name ? film.opened : await openPredicted(file);
        const frames = opened.frames.filter((frame) => frame > after);
        film = opened.frames.length > FRAMES ? { name, opened } : undefined;
        for (const frame of frames.slice(0, FRAMES)) {
          const id = opened.frames.length > 1 ? frameName(name, frame) : name;
          result.pictures.push(await pictureOf(opened, frame, { ...size, name: id, cropped }));
        }
        if (frames.length > FRAMES) result.more = frames[FRAMES - 1]!;
      } catch (error) {
        if (!(error instanceof DataError || error instanceof InputError)) throw error;
        const reason = without(without(error.message, file), frameOf(file)?.file ?? file);
        const code =
          error instanceof InputError ? ((error.cause as NodeJS.ErrnoException | undefined)?.code ?? "") : "UNUSABLE";
        if (OWN_FAULTS.has(code)) result.pictures.push({ name, reason });
        else result.trouble = { file, reason, code };
      }
      result.took = performance.now() - begun;
      return result;
    };
  },
  transfer: ({ pictures }) => pictures.flatMap((p) => ("grey" in p ? [p.grey.buffer as ArrayBuffer] : [])),
};

async function pictureOf(
  { pictures }: PredictedFile,
  frame: number,
  options: PrepareSize & { name: string; cropped: boolean },
): Promise<PredictPicture> {
  const { name } = options;
  try {
    const { image, note } = await preparePredicted(pictures, frame, options);
    const { width, height, source } = image;
    // Of its own memory, which is moved to the main thread.
    const grey = image.grey.byteLength === image.grey.buffer.byteLength ? image.grey : image.grey.slice();
    return { name, grey, width, height, crop: source!.crop, ...(note === undefined ? {} : { note }) };
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    return { name, reason: without(error.message, name) };
  }
}

/** A message without the name before it. */
const without = (message: string, name: string): string =>
  message.startsWith(`${name}: `) ? message.slice(name.length + 2) : message;
