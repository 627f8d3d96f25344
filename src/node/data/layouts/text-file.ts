/** Reads text files of bounded size. */
import { open, stat } from "node:fs/promises";
import { DataError } from "../../../data/sample.ts";
import { decodeText } from "../../../data/text.ts";
import { readRegular } from "../../files.ts";

/** For one image's file. labelme embeds a copy of the image. */
export const MAX_FILE_BYTES = 64 * 2 ** 20;
/** For a whole set's file. */
export const MAX_SET_BYTES = 256 * 2 ** 20;

/** @throws DataError, without the file's name, for a file that is missing, not regular, too large, or not text */
export async function boundedText(file: string, most: number): Promise<string> {
  const found = await stat(file).catch(() => undefined);
  if (!found) throw new DataError("there is no such file");
  if (!found.isFile()) throw new DataError("is not a regular file");
  if (found.size > most) {
    throw new DataError(
      `has ${(found.size / 2 ** 20).toFixed(0)} MiB, more than the ${most / 2 ** 20} MiB that are read`,
    );
  }
  // Checked again on opening: it may have become a pipe, or grown.
  return decodeText(await readRegular(file, most));
}

/** Enough to see a root element or the first keys. */
const BEGINNING = 2 ** 16;

/** The beginning of a file; "" if it is missing, not regular, or unreadable. */
export async function beginningOf(file: string): Promise<string> {
  try {
    // Checked first: opening a pipe would wait for a writer.
    if (!(await stat(file)).isFile()) return "";
    const handle = await open(file);
    try {
      const bytes = new Uint8Array(BEGINNING);
      const { bytesRead } = await handle.read(bytes, 0, BEGINNING, 0);
      return new TextDecoder().decode(bytes.subarray(0, bytesRead));
    } finally {
      await handle.close();
    }
  } catch {
    return "";
  }
}
