/** Reads the nodules of a decoded mask. */
import { withoutSpecks } from "../components.ts";
import type { Levels } from "../grey-image.ts";
import { type Box, DataError } from "../sample.ts";
import type { MaskPixels } from "./field.ts";
import { maskLayers, type MaskReading } from "./levels.ts";
import { partsOf } from "./parts.ts";
import { nodulePixels } from "./pixels.ts";

/** A file with more nodules or specks is not a mask: a picture thresholded at half its brightness falls into many parts. */
const MAX_NODULES = 20;
const MAX_SPECKS = 100;

/** What a mask file marks. */
export interface MaskContent {
  width: number;
  height: number;
  /** One per connected component of each level, in pixels of the mask. */
  boxes: Box[];
  /** Their pixels, one array for each level, as in `Part`; undefined if it is drawn in lines that enclose nothing. */
  pixels: Float32Array[] | undefined;
  /** Number of components too small to be nodules. */
  specks: number;
  /** Number of lines left out, such as of a ruler or a frame. */
  lines: number;
  /** The smallest nodule's area as a share of the largest's. */
  least: number;
  /** How the file was read, if not obvious. */
  notes: string[];
}

/** @throws DataError, without the file's name, for a mask whose meaning is unclear */
export function maskContent(mask: MaskPixels, reading: MaskReading): MaskContent {
  const { width, height } = mask;
  const { layers, notes } = maskLayers(mask, reading);
  const drawn = layers.map((layer) => partsOf(layer, width, height));
  const lines = drawn.reduce((sum, part) => sum + part.lines, 0);
  // A speck is small beside the largest nodule of all levels.
  const { kept, specks, least } = withoutSpecks(drawn.flatMap(({ parts }) => parts));
  const boxes = kept.map(({ box }) => box);
  if (boxes.length > MAX_NODULES || specks > MAX_SPECKS) {
    throw new DataError(`falls into ${boxes.length + specks} parts: it looks like a picture, not a mask`);
  }
  const pixels = nodulePixels(drawn, kept);
  return { width, height, boxes, pixels, specks, lines, least, notes };
}

/** Signatures of formats that may be lossy, as Latin-1; a dot matches any character. WebP has both kinds. */
const LOSSY = [/^\xff\xd8/, /^....ftyp/s, /^RIFF....WEBPVP8[ X]/s];

/** A decoded file as a mask. @param bytes the file, which says whether its format is lossy */
export function maskPixels({ levels, width, height, channels }: Levels, bytes: Uint8Array): MaskPixels {
  const head = String.fromCharCode(...bytes.subarray(0, 16));
  const lossy = LOSSY.some((beginning) => beginning.test(head));
  return { width, height, channels, alpha: channels === 2 || channels === 4, levels, lossy };
}
