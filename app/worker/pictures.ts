/** The pixels of a project's images. */
import type { GreyImage } from "../../src/data/grey-image.ts";
import { phantomFrame } from "../../src/data/phantom/series.ts";
import { frameAmong, frameOf } from "../../src/data/picture-name.ts";
import type { PictureFile } from "../../src/data/pictures/picture-file.ts";
import { DataError } from "../../src/data/sample.ts";
import type { Project, ProjectImage } from "../project/project.ts";
import { projectsStore } from "../project/project-store.ts";

type Place = Pick<Project, "name" | "source">;

/** What viewers show, in grey. @throws DataError, InputError for a picture that cannot be read */
export async function greyOf(place: Place, image: ProjectImage): Promise<GreyImage> {
  if (place.source.kind === "phantom") return drawn(image);
  const { file, frame } = await open(place, image);
  return file.grey(frame);
}

/** The same in colours, to be shown; the caller closes it. @throws DataError, InputError for a picture that cannot be read */
export async function bitmapOf(place: Place, image: ProjectImage): Promise<ImageBitmap> {
  if (place.source.kind === "phantom") return createImageBitmap(asColours(drawn(image)));
  const { file, frame } = await open(place, image);
  const { width, height, rgb } = await file.colours(frame);
  const picture = new ImageData(width, height);
  for (let from = 0, to = 0; from < rgb.length; to += 4) {
    for (let c = 0; c < 3; c++) picture.data[to + c] = rgb[from++]!;
    picture.data[to + 3] = 255;
  }
  return createImageBitmap(picture);
}

function drawn({ id }: ProjectImage): GreyImage {
  const frame = phantomFrame(id);
  if (frame) return frame;
  throw new DataError(`${id}: no phantom draws it`);
}

/** An image's file, and the frame of it. Loaded when needed: phantoms need no decoder. */
async function open({ name }: Place, { file: stored }: ProjectImage): Promise<{ file: PictureFile; frame: number }> {
  const { openPictureFile } = await import("../../src/web/decode/open-picture-file.ts");
  const { file: inProject, frame } = { frame: undefined, ...(frameOf(stored) ?? { file: stored }) };
  const file = await openPictureFile(await projectsStore.folder(name).folder("files").read(inProject));
  return { file, frame: frameAmong(file.frames, { file: inProject, ...(frame === undefined ? {} : { frame }) }) };
}

function asColours({ width, height, grey }: GreyImage): ImageData {
  const picture = new ImageData(width, height);
  const words = new Uint32Array(picture.data.buffer);
  // Three equal bytes and an opaque one, whatever the order of bytes.
  for (let i = 0; i < grey.length; i++) words[i] = 0xff000000 | (grey[i]! * 0x010101);
  return picture;
}
