/** `readPicture` for programs: it decodes with sharp, which who only trains need not install. */
import type { readPicture as read } from "./data/read-picture.ts";
import { missing } from "./packages.mjs";

/**
 * The grey levels of a picture in a file, for `PicturePredictor`.
 *
 * @param file a path to a picture in any format that the command line reads, or a frame of a film as in `loop.dcm#12`; or its bytes
 * @throws DataError naming the file, if it is missing or damaged
 * @throws Error with the command that installs sharp, if it is not installed
 */
export const readPicture: typeof read = async (file) => {
  const absent = missing("sharp");
  if (absent !== undefined) throw new Error(`readPicture: ${absent}`);
  return (await import("./data/read-picture.ts")).readPicture(file);
};
