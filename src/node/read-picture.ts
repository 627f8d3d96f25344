/** `readPicture` for programs: it decodes with sharp, which who only trains need not install. */
import type { GreyImage } from "../data/grey-image.ts";
import { missing } from "./packages.mjs";

/**
 * The grey levels of a picture in a file, for `PicturePredictor`.
 *
 * @param file a path to a picture in any format that the command line reads, or a frame of a film as in `loop.dcm#12`; or its bytes
 * @throws DataError naming the file, if it is missing or damaged
 * @throws Error with the command that installs sharp, if it is not installed
 */
export async function readPicture(file: string | Uint8Array): Promise<GreyImage> {
  const absent = missing("sharp");
  if (absent !== undefined) throw new Error(`readPicture: ${absent}`);
  return (await import("./data/read-picture.ts")).readPicture(file);
}
