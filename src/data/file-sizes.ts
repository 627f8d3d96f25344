/** Limits on the sizes of files that are read, and their refusals. */
import { DataError } from "./sample.ts";

/** Maximum bytes read from a file: for weights what Node reads at once; less for annotations, which parsers expand many times. */
export const MOST_BYTES = { weights: 2 ** 31 - 1, image: 2 ** 30, text: 2 ** 27 } as const;

/** Maximum bytes of one image's annotation. labelme embeds a copy of the image. */
export const MAX_FILE_BYTES = 64 * 2 ** 20;
/** Maximum bytes of a whole set's annotation. */
export const MAX_SET_BYTES = 256 * 2 ** 20;

/** Bytes at the beginning of a file that show its root element or first keys. */
export const BEGINNING_BYTES = 2 ** 16;

export const megabytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`;

/** Why a file of that size is not read. */
export const tooLong = (bytes: number, most: number): string =>
  `has ${megabytes(bytes)}: more than the ${megabytes(most)} that are read`;

/** @throws DataError, without the file's name, for an annotation of more than `most` bytes */
export function requireBytes(bytes: number, most: number): void {
  if (bytes <= most) return;
  throw new DataError(`has ${(bytes / 2 ** 20).toFixed(0)} MiB, more than the ${most / 2 ** 20} MiB that are read`);
}
