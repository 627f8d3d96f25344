/** The pixels of a project's images. */
import type { GreyImage } from "../../src/data/grey-image.ts";
import { phantomFrame } from "../../src/data/phantom/series.ts";
import { frameAmong, frameOf } from "../../src/data/picture-name.ts";
import { DataError } from "../../src/data/sample.ts";
import { imageDataOf } from "../../src/web/decode/image-data.ts";
import type { Project, ProjectImage } from "../project/project.ts";
import { projectsStore } from "../project/project-store.ts";

/** An image, opened once for both. */
export interface Picture {
  /** What viewers show, in grey. @throws DataError for a picture that cannot be read */
  grey(): Promise<GreyImage>;
  /** The same in colours, to be shown; the caller closes it. @throws DataError for a picture that cannot be read */
  bitmap(): Promise<ImageBitmap>;
}

/** @throws DataError, InputError for a file that cannot be read */
export async function openPicture(
  { name, source }: Pick<Project, "name" | "source">,
  { id, file: stored }: Pick<ProjectImage, "id" | "file">,
): Promise<Picture> {
  if (source.kind === "phantom") {
    const drawn = phantomFrame(id);
    if (!drawn) throw new DataError(`${id}: no phantom draws it`);
    return { grey: () => Promise.resolve(drawn), bitmap: () => createImageBitmap(imageDataOf(drawn)) };
  }
  // Loaded when needed: phantoms need no decoder.
  const { openPictureFile } = await import("../../src/web/decode/open-picture-file.ts");
  const named = frameOf(stored) ?? { file: stored };
  const file = await openPictureFile(await projectsStore.folder(name).folder("files").read(named.file));
  const frame = frameAmong(file.frames, named);
  return {
    grey: () => file.grey(frame),
    bitmap: async () => createImageBitmap(imageDataOf(await file.colours(frame))),
  };
}
