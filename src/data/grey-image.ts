/** The type of decoded images, separate from the decoders, whose types users of the library do not have. */

/** 8-bit grey levels, row by row. */
export interface GreyImage {
  width: number;
  height: number;
  grey: Uint8Array;
  /** What the user should know about the file. */
  note?: string;
}
