/** The types of decoded images, separate from the decoders, whose types users of the library do not have. */

/** 8-bit grey levels, row by row. */
export interface GreyImage {
  width: number;
  height: number;
  grey: Uint8Array;
  /** What the user should know about the file. */
  note?: string;
}

/** A file's own numbers, upright, interleaved, row by row. */
export interface Levels {
  width: number;
  height: number;
  /** 1 grey, 2 with alpha, 3 red, green, blue, 4 with alpha (or cyan, magenta, yellow, black). */
  channels: number;
  levels: Uint8Array | Uint16Array | Int32Array | Uint32Array | Float32Array;
}
