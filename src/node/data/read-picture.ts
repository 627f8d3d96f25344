/** The grey levels of a picture in a file, for `PicturePredictor`. */
import { requireBytes } from "../../data/bytes.ts";
import type { GreyImage } from "../../data/grey-image.ts";
import { DataError } from "../../data/sample.ts";
import { decodeGrey, readImage } from "./decode.ts";

/**
 * @param file a path to a picture in any format that the command line reads, or a frame of a film as in `loop.dcm#12`; or its bytes
 * @throws DataError naming the file, if it is missing or damaged
 */
export async function readPicture(file: string | Uint8Array): Promise<GreyImage> {
  if (typeof file !== "string") requireBytes("readPicture", file);
  try {
    return await decodeGrey(typeof file === "string" ? await readImage(file) : file);
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    throw new DataError(`${typeof file === "string" ? file : "the picture"}: ${error.message}`);
  }
}
