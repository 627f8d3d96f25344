/** Bytes of a text file to a string. */
import { DataError } from "./sample.ts";

const UTF16: Record<string, string> = { "255,254": "utf-16le", "254,255": "utf-16be" };

/**
 * UTF-8, or UTF-16 where the file begins with its byte order mark (which is removed).
 *
 * @throws DataError for any other encoding
 */
export function decodeText(bytes: Uint8Array): string {
  const encoding = UTF16[bytes.subarray(0, 2).join()] ?? "utf-8";
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    throw new DataError(`is not ${encoding.toUpperCase()} text`);
  }
}
