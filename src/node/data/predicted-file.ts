/** Opens what is to be predicted: a picture, one frame of a film, or all of them. Alone or among 100,000, an image is read like this. */
import type { Sharp } from "sharp";
import type { PrepareSize } from "../../data/crop-image.ts";
import { DataError, type Prepared } from "../../data/sample.ts";
import { MOST_BYTES, readInput } from "../files.ts";
import { greyOf, openPictures } from "./decode.ts";
import type { Pictures } from "./picture.ts";
import { chooseFrame, parsePictureName } from "./picture-file.ts";
import { prepareImage } from "./prepare-image.ts";

export interface PredictedFile {
  /** Its path, without a frame. */
  file: string;
  pictures: Pictures;
  /** The frames that are meant: of a film's name all of them. */
  frames: readonly number[];
}

/**
 * @param name a path, or a frame of a file as in `loop.dcm#12`
 * @throws InputError, DataError with the file's name
 */
export async function openPredicted(name: string): Promise<PredictedFile> {
  const { file, frame } = await parsePictureName(name);
  const bytes = await readInput(file, MOST_BYTES.image);
  try {
    const pictures = await openPictures(bytes);
    const frames = frame === undefined ? pictures.frames : [chooseFrame(pictures.frames, { file, frame })];
    return { file, pictures, frames };
  } catch (error) {
    throw error instanceof DataError ? new DataError(`${file}: ${error.message}`) : error;
  }
}

export interface PreparedPicture {
  image: Prepared;
  /** As it was, to draw on. */
  picture: Sharp;
  /** What the user should know about the file. */
  note?: string;
}

/**
 * Prepares one frame for the network.
 *
 * @param options.name what errors and the image's id call it
 * @param options.cropped whether it is already cropped to the tissue
 * @throws DataError with that name
 */
export async function preparePredicted(
  pictures: Pictures,
  frame: number,
  { name, ...size }: PrepareSize & { name: string; cropped?: boolean },
): Promise<PreparedPicture> {
  let rendered, grey;
  try {
    rendered = await pictures.render(frame);
    grey = await greyOf(rendered);
  } catch (error) {
    throw error instanceof DataError ? new DataError(`${name}: ${error.message}`) : error;
  }
  const { note, ...image } = await prepareImage(grey, { ...size, name });
  return { image, picture: rendered.image, ...(note === undefined ? {} : { note }) };
}
