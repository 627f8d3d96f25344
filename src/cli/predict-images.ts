/** Opens the inputs of `mganet predict`: images one by one, films frame by frame. */
import { realpathSync } from "node:fs";
import path from "node:path";
import type { Sharp } from "sharp";
import type { PrepareSize } from "../data/crop-image.ts";
import { DataError, reasonOf, type Prepared, type Skipped } from "../data/sample.ts";
import { frameName } from "../node/data/picture-file.ts";
import { openPredicted, type PredictedFile, preparePredicted } from "../node/data/predicted-file.ts";
import { InputError } from "../node/files.ts";
import type { Film } from "../runs/films.ts";

/** One picture to predict. */
export interface Job {
  /** The image as named by the user, with the frame number if it belongs to a film: `loop.dcm#12`. */
  name: string;
  image: Prepared;
  /** The picture to draw on. */
  picture: Sharp;
  /** Where the drawing goes, within the output folder. */
  target: string;
  film?: Film;
}

export interface JobOptions extends Required<PrepareSize> {
  out: string;
  /** Called for what is left out. */
  onSkip: (skipped: Skipped) => void;
  /** Called with what the user should know about a file. */
  onNote: (name: string, note: string) => void;
}

/**
 * Opens the images one at a time, so that memory does not grow with their number.
 *
 * @param targets the images' output pictures, from `pictureNames`
 * @throws DataError, InputError if the only image cannot be used; otherwise it is left out
 */
export async function* openJobs(
  images: readonly string[],
  targets: readonly string[],
  options: JobOptions,
): AsyncGenerator<Job> {
  const { width, height, crop, resize } = options;
  const taken = new Set(targets);
  let found = 0;
  const leaveOut = (file: string, error: unknown, only: boolean) => {
    if (only || !(error instanceof DataError || error instanceof InputError)) throw error;
    options.onSkip({ file, reason: error.message.replace(`${file}: `, "") });
  };
  for (const [i, name] of images.entries()) {
    const only = images.length === 1;
    let opened: PredictedFile;
    try {
      opened = await openPredicted(name);
    } catch (error) {
      leaveOut(name, error, only);
      continue;
    }
    const { file, pictures, frames } = opened;
    const film = frames.length > 1 ? { name, frames: frames.length } : undefined;
    let first: unknown;
    let used = 0;
    // Report a note shared by many frames only once.
    const told = new Set<string>();
    const onNote = (of: string, note: string) => {
      if (!told.has(note)) options.onNote(of, note);
      told.add(note);
    };
    for (const number of frames) {
      const id = film ? frameName(file, number) : name;
      const target = film ? frameTarget(targets[i]!, number, taken) : targets[i]!;
      if (film) requireOthers(images, [target], options.out);
      try {
        const { note, ...prepared } = await preparePredicted(pictures, number, {
          width,
          height,
          crop,
          resize,
          name: id,
        });
        if (note !== undefined) onNote(id, note);
        yield { name: id, ...prepared, target, ...(film ? { film } : {}) };
        used++;
        found++;
      } catch (error) {
        first ??= error;
        leaveOut(id, error, only && !film);
      }
    }
    if (film && used === 0 && only) {
      throw new DataError(`${name}: none of its ${film.frames} frames can be used; the first: ${reasonOf(first)}`);
    }
  }
  if (found === 0) throw new DataError(`none of the ${images.length} images can be used`);
}

/** A name for each image's picture: the image's without folder and extension, numbered if already taken. */
export function pictureNames(images: readonly string[]): string[] {
  const taken = new Set<string>();
  return images.map((file) => {
    const [, whole, frame] = /^(.+)#([1-9]\d{0,8})$/s.exec(file) ?? [undefined, file];
    const name = path.basename(whole, path.extname(whole));
    return free(frame === undefined ? name : frameStem(name, Number(frame)), taken);
  });
}

/** The picture name of a film's frame, based on the film's own. */
const frameTarget = (target: string, frame: number, taken: Set<string>) =>
  free(frameStem(target.replace(/\.png$/, ""), frame), taken);

const frameStem = (name: string, frame: number) => `${name}-f${String(frame).padStart(4, "0")}`;

function free(name: string, taken: Set<string>): string {
  let picture = `${name}.png`;
  for (let n = 2; taken.has(picture); n++) picture = `${name}-${n}.png`;
  taken.add(picture);
  return picture;
}

/** @throws InputError if a picture would overwrite one of the images */
export function requireOthers(images: readonly string[], pictures: readonly string[], out: string): void {
  const real = (file: string) => {
    try {
      return realpathSync(file);
    } catch {
      return undefined; // There is no such file.
    }
  };
  const inputs = new Set(images.flatMap((image) => [image, image.replace(/#\d+$/, "")]).map(real));
  for (const picture of pictures) {
    const target = real(path.join(out, picture));
    if (target !== undefined && inputs.has(target)) {
      throw new InputError(
        `${path.join(out, picture)}: is one of the images and would be overwritten; choose another --out`,
      );
    }
  }
}
