/** Decodes a text file's bytes to a string. */
import { DataError } from "./sample.ts";

const UTF16: Record<string, string> = { "255,254": "utf-16le", "254,255": "utf-16be" };

/** The encoding that an XML file declares. */
const DECLARED = /^<\?xml[^>]*\bencoding=["']([\w.:-]{1,40})["']/;

/**
 * Decodes UTF-8, or UTF-16 with a byte order mark (which is removed); text that is not UTF-8, in the encoding that its XML
 * declaration names.
 *
 * @throws DataError for any other encoding
 */
export function decodeText(bytes: Uint8Array): string {
  const encoding = UTF16[bytes.subarray(0, 2).join()] ?? "utf-8";
  if (isWithoutMark(bytes)) throw new DataError("is UTF-16 without a byte order mark: save it as UTF-8");
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    const declared = DECLARED.exec(String.fromCharCode(...bytes.subarray(0, 200)))?.[1];
    if (declared !== undefined && !/^utf/i.test(declared)) return decodeAs(bytes, declared);
    const way = encoding === "utf-8" ? " and names no other encoding: save it as UTF-8" : "";
    throw new DataError(`is not ${encoding.toUpperCase()} text${way}`);
  }
}

/** Detects UTF-16 by its first two letters: tables, JSON and XML begin with ASCII, so every second byte is 0. */
function isWithoutMark([a, b, c, d]: Uint8Array): boolean {
  return (a !== 0 && b === 0 && c !== 0 && d === 0) || (a === 0 && b !== 0 && c === 0 && d !== 0);
}

function decodeAs(bytes: Uint8Array, encoding: string): string {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    throw new DataError(`is neither UTF-8 text nor, as it says, ${encoding}`);
  }
}
