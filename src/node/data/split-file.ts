/** Reads the split file that a configuration names. */
import { readFileSync } from "node:fs";
import { DataError } from "../../data/sample.ts";
import { decodeText } from "../../data/text.ts";

/** The file's text. @throws Error that says why it cannot be read, without the file's name if there is none */
export function readSplitFile(file: string): string {
  try {
    return decodeText(readFileSync(file));
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === "ENOENT" ? new DataError("no such file") : error;
  }
}
