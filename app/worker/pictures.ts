/** The pixels of a project's images. */
import type { GreyImage } from "../../src/data/grey-image.ts";
import { phantomImage } from "../../src/data/phantom/phantom.ts";
import { isPhantom } from "../../src/data/phantom/scanner.ts";
import { DataError } from "../../src/data/sample.ts";
import type { Store } from "../../src/runs/store.ts";
import type { Project, ProjectImage } from "../project/project.ts";

export interface Picture {
  grey: GreyImage;
  /** The picture in colours; the caller closes it. */
  bitmap: ImageBitmap;
}

/** @throws DataError for a picture that cannot be read */
export async function pictureOf(
  { source }: Pick<Project, "source">,
  image: ProjectImage,
  _folder: Store,
): Promise<Picture> {
  if (source.kind === "files") throw new DataError(`${image.id}: cannot be read`);
  if (!isPhantom(source.scanner)) throw new DataError(`there is no phantom ${source.scanner}`);
  const index = Number(image.id.slice(image.id.lastIndexOf("-") + 1));
  const grey = phantomImage(source.seed, index, { scanner: source.scanner });
  return { grey, bitmap: await createImageBitmap(asColours(grey)) };
}

function asColours({ width, height, grey }: GreyImage): ImageData {
  const data = new ImageData(width, height);
  for (let i = 0, to = 0; i < grey.length; i++, to += 4) {
    data.data.fill(grey[i]!, to, to + 3);
    data.data[to + 3] = 255;
  }
  return data;
}
