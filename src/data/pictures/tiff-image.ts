/** What a page of a TIFF file says of its pixels (TIFF 6.0). */
import { DataError } from "../sample.ts";
import { orientationOf } from "./exif.ts";
import { MAX_PIXELS, tooLarge } from "./limits.ts";
import { requireKnownFloats, tiffFields } from "./tiff.ts";

export const PHOTOMETRIC = { whiteIsZero: 0, blackIsZero: 1, rgb: 2, palette: 3, inks: 5, ycbcr: 6 } as const;
export const COMPRESSION = { none: 1, lzw: 5, jpeg: 7, deflate: 8, oldDeflate: 32946, packBits: 32773 } as const;

/** Compressions that code differences where the file says so. */
const PREDICTED: readonly number[] = [COMPRESSION.lzw, COMPRESSION.deflate, COMPRESSION.oldDeflate];

export interface TiffImage {
  width: number;
  height: number;
  little: boolean;
  /** Bits of a sample, and its kind: 1 unsigned, 2 signed, 3 float. */
  bits: number;
  format: number;
  photometric: number;
  compression: number;
  /** Samples per pixel. */
  samples: number;
  /** Whether each sample has blocks of its own. */
  planar: boolean;
  predictor: number;
  /** Whether bytes begin with their lowest bit. */
  lowFirst: boolean;
  /** The strips or tiles, from left to right and down; with `planar`, those of each sample in turn. */
  block: { width: number; height: number; tiled: boolean; offsets: number[]; lengths: number[] };
  /** All reds, greens, blues of the palette, of 16 bits. */
  palette: number[];
  /** EXIF orientation, 1 to 8. */
  orientation: number;
  profile: Uint8Array | undefined;
  /** Tables that the page's JPEG blocks share. */
  jpegTables: Uint8Array | undefined;
}

export const badTiff = (why: string): DataError => new DataError(`is not a readable image: TIFF: ${why}`);
export const unreadTiff = (what: string): DataError => new DataError(`is a TIFF image ${what}: convert it to PNG`);

/** @throws DataError, without the file's name, for a page that is damaged, too large or of an unknown kind */
export function tiffImage(bytes: Uint8Array, page: number): TiffImage {
  requireKnownFloats(bytes, page);
  const fields = tiffFields(bytes, page);
  if (!fields) throw badTiff("it is cut off or damaged");
  const one = (tag: number, otherwise: number) => fields.get(tag)?.[0] ?? otherwise;
  const same = (tag: number, otherwise: number) => {
    const found = fields.get(tag) ?? [otherwise];
    if (found.some((n) => n !== found[0])) throw unreadTiff("whose samples are of several kinds");
    return found[0] ?? otherwise;
  };
  const part = (tag: number) => {
    const found = fields.get(tag);
    return found && Uint8Array.from(found);
  };
  if (one(338, 0) === 1) throw unreadTiff("whose colours are multiplied by their transparency");
  const [width, height] = [one(256, 0), one(257, 0)];
  if (width === 0 || height === 0) throw badTiff("it does not say how large it is");
  if (width * height > MAX_PIXELS) throw tooLarge(width, height);
  const tiled = fields.has(322);
  const block = {
    width: tiled ? one(322, 0) : width,
    height: tiled ? one(323, 0) : Math.min(height, one(278, height)),
    tiled,
    offsets: fields.get(tiled ? 324 : 273) ?? [],
    lengths: fields.get(tiled ? 325 : 279) ?? [],
  };
  const image: TiffImage = {
    width,
    height,
    little: bytes[0] === 0x49,
    bits: same(258, 1),
    format: same(339, 1),
    photometric: one(262, PHOTOMETRIC.blackIsZero),
    compression: one(259, COMPRESSION.none),
    samples: one(277, 1),
    planar: one(284, 1) === 2,
    // Others leave it unused, though some programs write it.
    predictor: PREDICTED.includes(one(259, 1)) ? one(317, 1) : 1,
    lowFirst: one(266, 1) === 2,
    block,
    palette: fields.get(320) ?? [],
    orientation: orientationOf(fields.get(274)?.[0]),
    profile: part(34675),
    jpegTables: part(347),
  };
  requireBlocks(image);
  return image;
}

function requireBlocks({ width, height, block, planar, samples, bits, format }: TiffImage): void {
  const known = format === 3 ? [32] : format === 2 ? [8, 16, 32] : format === 1 ? [1, 2, 4, 8, 16, 32] : [];
  if (!known.includes(bits) || samples < 1 || samples > 4) {
    throw unreadTiff(`of ${samples} samples of ${bits} bits (format ${format})`);
  }
  if (block.width < 1 || block.height < 1 || block.width * block.height > MAX_PIXELS) throw badTiff("it is damaged");
  const blocks = Math.ceil(width / block.width) * Math.ceil(height / block.height) * (planar ? samples : 1);
  if (block.offsets.length < blocks || block.lengths.length < blocks) throw badTiff("it lacks some of its pixels");
}
