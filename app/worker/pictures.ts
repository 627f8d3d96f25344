/** The pixels of a project's images. */
import type { GreyImage } from "../../src/data/grey-image.ts";
import { phantomFrame } from "../../src/data/phantom/series.ts";
import { DataError } from "../../src/data/sample.ts";
import type { Project, ProjectImage } from "../project/project.ts";

type Place = Pick<Project, "name" | "source">;

/** What viewers show, in grey. @throws DataError for a picture that cannot be read */
export function greyOf({ source }: Place, image: ProjectImage): Promise<GreyImage> {
  const drawn = source.kind === "phantom" ? phantomFrame(image.id) : undefined;
  return drawn ? Promise.resolve(drawn) : Promise.reject(new DataError(`${image.id}: cannot be read`));
}

/** The same in colours, to be shown; the caller closes it. @throws DataError for a picture that cannot be read */
export async function bitmapOf(place: Place, image: ProjectImage): Promise<ImageBitmap> {
  return createImageBitmap(asColours(await greyOf(place, image)));
}

function asColours({ width, height, grey }: GreyImage): ImageData {
  const picture = new ImageData(width, height);
  const words = new Uint32Array(picture.data.buffer);
  // Three equal bytes and an opaque one, whatever the order of bytes.
  for (let i = 0; i < grey.length; i++) words[i] = 0xff000000 | (grey[i]! * 0x010101);
  return picture;
}
