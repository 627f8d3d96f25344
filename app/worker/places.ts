/** Pictures to be predicted, wherever they lie: in a project, or in a file that was dropped. */
import type { GreyImage } from "../../src/data/grey-image.ts";
import { frameAmong } from "../../src/data/picture-name.ts";
import { DataError, reasonOf } from "../../src/data/sample.ts";
import { MOST_BYTES, tooLong } from "../../src/data/file-sizes.ts";
import type { PictureFile } from "../../src/data/pictures/picture-file.ts";
import type { Film } from "../../src/runs/films.ts";
import type { Project, ProjectImage } from "../project/project.ts";
import { imageDataOf } from "../../src/web/decode/image-data.ts";
import { openPicture } from "./pictures.ts";

export type Place =
  | {
      readonly kind: "project";
      readonly project: Pick<Project, "name" | "source">;
      readonly image: Pick<ProjectImage, "id" | "file" | "cropped">;
      /** Of which the image is a frame. */
      readonly film: Film | undefined;
    }
  | {
      readonly kind: "file";
      /** What people see: its path. */
      readonly name: string;
      readonly file: Blob;
      /** Default: all of them, or the only one. */
      readonly frame?: number;
    };

/** One picture of a place. */
export interface Opened {
  /** Undefined but for a frame of a film's file. */
  readonly frame: number | undefined;
  readonly film: Film | undefined;
  grey: () => Promise<GreyImage>;
}

/** All pictures of a place: of a film's file its frames. @throws DataError, InputError for a file that cannot be read */
export async function openPlace(place: Place): Promise<Opened[]> {
  if (place.kind === "project") {
    const { project, image, film } = place;
    return [{ frame: undefined, film, grey: async () => (await openPicture(project, image)).grey() }];
  }
  const file = await openFile(place.file);
  const { frames } = file;
  const film = frames.length > 1 ? { name: place.name, frames: frames.length } : undefined;
  const wanted = place.frame === undefined ? frames : [frameAmong(frames, { frame: place.frame })];
  return wanted.map((frame) => ({ frame: film && frame, film, grey: () => file.grey(frame) }));
}

/** One picture in colours, to be shown; the caller closes it. @throws as `openPlace` does */
export async function bitmapAt(place: Place): Promise<ImageBitmap> {
  if (place.kind === "project") return (await openPicture(place.project, place.image)).bitmap();
  const file = await openFile(place.file);
  const colours = await file.colours(frameAmong(file.frames, place.frame === undefined ? {} : { frame: place.frame }));
  return createImageBitmap(imageDataOf(colours));
}

async function openFile(file: Blob): Promise<PictureFile> {
  if (file.size > MOST_BYTES.image) throw new DataError(`cannot be read: ${tooLong(file.size, MOST_BYTES.image)}`);
  // Loaded when needed: phantoms need no decoder.
  const { openPictureFile } = await import("../../src/web/decode/open-picture-file.ts");
  let bytes: Uint8Array;
  try {
    bytes = new Uint8Array(await file.arrayBuffer());
  } catch (error) {
    throw new DataError(`cannot be read: ${reasonOf(error)}`);
  }
  return openPictureFile(bytes);
}
