/** Mask files to pixels at their own depth: a mask's levels may be 1 of 65535, an alpha channel, or shares of 1. */
import sharp from "sharp";
import type { MaskPixels } from "../../data/masks/field.ts";
import { DataError, reasonOf } from "../../data/sample.ts";
import { MOST_PIXELS, readImage } from "./decode.ts";
import { isDicom, renderDicom } from "./dicom.ts";

/** How sharp hands out each depth. */
const ARRAYS = {
  char: Int8Array,
  uchar: Uint8Array,
  short: Int16Array,
  ushort: Uint16Array,
  int: Int32Array,
  uint: Uint32Array,
  float: Float32Array,
  double: Float64Array,
};

/** Spaces whose channels are levels of grey, or of red, green and blue; others, such as CMYK, are converted. */
const PLAIN = new Set(["b-w", "grey16", "srgb", "rgb", "rgb16", "scrgb", "multiband"]);

/** @throws DataError without the file's name, also for a file that is damaged, cut off or has several pages */
export async function decodeMask(file: string): Promise<MaskPixels> {
  const bytes = await readImage(file);
  if (isDicom(bytes)) {
    const { width, height, rgba } = await renderDicom(bytes);
    return { width, height, channels: 4, alpha: true, levels: rgba, lossy: false };
  }
  if (bytes.length === 0) throw new DataError("is not a readable image: the file is empty");
  const source = () => sharp(bytes, { failOn: "warning", limitInputPixels: MOST_PIXELS });
  try {
    const { format, depth, space, pages = 1 } = await source().metadata();
    if (pages > 1) throw new DataError(`has ${pages} pages: which of them is the mask is not known`);
    const plain = PLAIN.has(space);
    const image = plain ? source().pipelineColourspace(space).toColourspace(space) : source().toColourspace("srgb");
    const { data, info } = await image
      .autoOrient()
      .raw({ depth: plain ? depth : "uchar" })
      .toBuffer({ resolveWithObject: true });
    const Levels = ARRAYS[(info as { depth?: string }).depth as keyof typeof ARRAYS] as
      (typeof ARRAYS)[keyof typeof ARRAYS] | undefined;
    if (Levels === undefined) throw new DataError(`is not a readable image: its levels are of the kind "${depth}"`);
    const levels = new Levels(Uint8Array.from(data).buffer);
    const { width, height, channels } = info;
    const alpha = channels === 2 || channels === 4;
    const lossy = format === "jpeg" || format === "heif";
    return { width, height, channels, alpha, levels, lossy };
  } catch (error) {
    throw error instanceof DataError ? error : new DataError(`is not a readable image: ${reasonOf(error)}`);
  }
}
