/** Bytes of a text file to a string. */
import { DataError } from "./sample.ts";

const UTF16: Record<string, string> = { "255,254": "utf-16le", "254,255": "utf-16be" };

/** The encoding that an XML file says it has. */
const DECLARED = /^<\?xml[^>]*\bencoding=["']([\w.:-]{1,40})["']/;

/**
 * UTF-8, or UTF-16 where the file begins with its byte order mark (which is removed); what is not UTF-8, as XML
 * says that it is.
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

/** UTF-16 by its first two letters: tables, JSON and XML begin with ASCII, of which every second byte is 0 then. */
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
