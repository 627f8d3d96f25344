/** What image files are decoded to; apart from the decoders, whose types users of the library do not have. */

/** 8-bit grey levels, row by row. */
export interface GreyImage {
  width: number;
  height: number;
  grey: Uint8Array;
  /** What was found out about the file, for the user. */
  note?: string;
}
