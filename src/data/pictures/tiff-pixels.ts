/** Decodes the pixels of a TIFF page: strips or tiles, together or by sample, at any depth (TIFF 6.0). */
import { whiteLevel } from "../grey-levels.ts";
import { throughInks } from "./luma.ts";
import type { Levels } from "../grey-image.ts";
import { asColours } from "./png-pixels.ts";
import { decompressed } from "./tiff-compression.ts";
import { badTiff, COMPRESSION, PHOTOMETRIC, type TiffImage, unreadTiff } from "./tiff-image.ts";

type Samples = Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array | Float32Array;

/** Decodes a block of JPEG, whole, to interleaved samples of 8 bits. */
export type DecodeJpeg = (
  block: Uint8Array,
  image: TiffImage,
) => Promise<{ width: number; height: number; samples: Uint8Array }>;

/**
 * The page's samples as they are stored, not turned upright.
 *
 * @returns up to 8 bits: colours, and alpha if there is a further sample; more: the file's own numbers
 * @throws DataError, without the file's name, for a page that is cut off, damaged or of a kind that is not read
 */
export async function decodeTiff(bytes: Uint8Array, image: TiffImage, decodeJpeg: DecodeJpeg): Promise<Levels> {
  const { width, height, bits, format, samples, photometric, compression } = image;
  const grey = photometric === PHOTOMETRIC.whiteIsZero || photometric === PHOTOMETRIC.blackIsZero;
  const inks = photometric === PHOTOMETRIC.inks;
  const coloured =
    photometric === PHOTOMETRIC.rgb || (photometric === PHOTOMETRIC.ycbcr && compression === COMPRESSION.jpeg);
  const fits = grey
    ? samples <= (photometric === PHOTOMETRIC.whiteIsZero && bits > 8 ? 1 : 2)
    : photometric === PHOTOMETRIC.palette
      ? samples === 1 && bits <= 8
      : coloured
        ? samples >= 3
        : inks && samples === 4 && bits === 8;
  if (!fits) throw unreadTiff(`of ${samples} samples and photometric interpretation ${photometric}`);
  requirePicture(image, grey);
  const stored = await samplesOf(bytes, image, decodeJpeg);
  const size = { width, height };
  if (format === 1 && bits <= 8) {
    if (inks) return { ...size, channels: 3, levels: throughInks(stored) };
    if (photometric === PHOTOMETRIC.palette) return { ...size, channels: 3, levels: fromPalette(stored, image) };
    const levels = bits === 8 ? (stored as Uint8Array) : Uint8Array.from(stored, (v) => (v * 255) / (2 ** bits - 1));
    if (photometric === PHOTOMETRIC.whiteIsZero) turnOver(levels, samples);
    return { ...size, ...asColours(levels, samples) };
  }
  // Negative numbers of 16 bits have been refused.
  const levels = stored instanceof Int16Array ? Uint16Array.from(positive(stored)) : (stored as Levels["levels"]);
  return { ...size, channels: samples, levels };
}

/** @throws DataError for number types that no picture has, as on the command line */
function requirePicture({ bits, format, samples, photometric }: TiffImage, grey: boolean): void {
  const plain = grey && samples === 1;
  const known = bits <= 16 && format === 1 ? true : format === 3 ? samples === 1 || samples === 3 : plain && bits > 8;
  if (known && (photometric !== PHOTOMETRIC.inks || bits === 8)) return;
  const name =
    format === 3 ? "float" : `${format === 1 ? "u" : ""}${bits === 8 ? "char" : bits === 16 ? "short" : "int"}`;
  throw badTiff(`its ${grey ? "levels" : "colours"} are "${name}"; save it with 8 bits`);
}

function positive(levels: Int16Array): Int16Array {
  const least = levels.reduce((a, b) => Math.min(a, b), 0);
  if (least === 0) return levels;
  // Refused with its range.
  whiteLevel({ least, greatest: levels.reduce((a, b) => Math.max(a, b)) }, "whole");
  return levels;
}

function turnOver(levels: Uint8Array, samples: number): void {
  for (let i = 0; i < levels.length; i += samples) levels[i] = 255 - levels[i]!;
}

function fromPalette(indices: Samples, { palette, bits }: TiffImage): Uint8Array {
  const entries = 2 ** bits;
  if (palette.length < 3 * entries) throw badTiff("it has no palette");
  const levels = new Uint8Array(3 * indices.length);
  for (let i = 0; i < indices.length; i++) {
    for (let c = 0; c < 3; c++) levels[3 * i + c] = palette[c * entries + indices[i]!]! >> 8;
  }
  return levels;
}

async function samplesOf(bytes: Uint8Array, image: TiffImage, decodeJpeg: DecodeJpeg): Promise<Samples> {
  const { width, height, samples, planar, block } = image;
  const out = new (numbersFor(image))(width * height * samples);
  const [across, down] = [Math.ceil(width / block.width), Math.ceil(height / block.height)];
  for (let i = 0; i < across * down * (planar ? samples : 1); i++) {
    const [plane, place] = [Math.floor(i / (across * down)), i % (across * down)];
    const [x, y] = [(place % across) * block.width, Math.floor(place / across) * block.height];
    const [from, length] = [block.offsets[i]!, block.lengths[i]!];
    if (length === 0 || from + length > bytes.length) throw badTiff("it is cut off");
    const data = bytes.subarray(from, from + length);
    // The last strip ends with the picture; tiles are always whole.
    const rows = block.tiled ? block.height : Math.min(block.height, height - y);
    const together = planar ? 1 : samples;
    const decoded =
      image.compression === COMPRESSION.jpeg
        ? await jpegBlock(data, image, rows, decodeJpeg)
        : blockOf(data, image, rows, together);
    const columns = Math.min(block.width, width - x);
    for (let row = 0; row < Math.min(rows, height - y); row++) {
      let at = row * block.width * together;
      let to = ((y + row) * width + x) * samples + plane;
      for (let n = columns * together; n > 0; n--, to += planar ? samples : 1) out[to] = decoded[at++]!;
    }
  }
  return out;
}

async function jpegBlock(
  data: Uint8Array,
  image: TiffImage,
  rows: number,
  decodeJpeg: DecodeJpeg,
): Promise<Uint8Array> {
  if (image.planar || image.bits !== 8 || image.format !== 1 || image.samples === 2 || image.samples === 4) {
    throw unreadTiff("of unusual JPEG pixels");
  }
  const { width, height, samples } = await decodeJpeg(data, image);
  if (width !== image.block.width || height < rows) throw badTiff("its pixels are damaged");
  return samples;
}

/** The numbers of a strip or tile. */
function blockOf(data: Uint8Array, image: TiffImage, rows: number, samples: number): ArrayLike<number> {
  const { bits, predictor, compression, block } = image;
  const perRow = block.width * samples;
  const rowBytes = Math.ceil((perRow * bits) / 8);
  const straight = image.lowFirst ? data.map(reversed) : data;
  const bytes = decompressed(straight, compression, rowBytes * rows);
  if (bits < 8) {
    if (predictor !== 1) throw unreadTiff(`of predictor ${predictor} and ${bits} bits`);
    return Uint8Array.from({ length: perRow * rows }, (_, i) => {
      const bit = (i % perRow) * bits;
      const byte = bytes[Math.floor(i / perRow) * rowBytes + (bit >> 3)]!;
      return (byte >> (8 - bits - (bit & 7))) & (2 ** bits - 1);
    });
  }
  if (predictor === 3) return floats(bytes, perRow, rows, samples);
  const numbers = numbersOf(bytes, image);
  if (predictor !== 1 && predictor !== 2) throw unreadTiff(`of predictor ${predictor}`);
  if (predictor === 2) {
    for (let row = 0; row < numbers.length; row += perRow) {
      for (let i = row + samples; i < row + perRow; i++) numbers[i]! += numbers[i - samples]!;
    }
  }
  return numbers;
}

const reversed = (byte: number): number => {
  let out = 0;
  for (let i = 0; i < 8; i++) out |= ((byte >> i) & 1) << (7 - i);
  return out;
};

function numbersOf(bytes: Uint8Array, image: TiffImage): Samples {
  const { bits, little } = image;
  // Sums of a predictor wrap where the numbers do.
  const Numbers = numbersFor(image);
  const copy = new Uint8Array(bytes);
  const size = bits / 8;
  if (!little) for (let at = 0; at < copy.length; at += size) copy.subarray(at, at + size).reverse();
  return new Numbers(copy.buffer, 0, copy.length / size);
}

/** Floats whose bytes lie apart, the highest first, as differences (Adobe's technical note 3). */
function floats(bytes: Uint8Array, perRow: number, rows: number, samples: number): Float32Array {
  const out = new Float32Array(perRow * rows);
  const view = new DataView(out.buffer);
  for (let row = 0; row < rows; row++) {
    const line = new Uint8Array(bytes.subarray(4 * perRow * row, 4 * perRow * (row + 1)));
    for (let i = samples; i < line.length; i++) line[i]! += line[i - samples]!;
    for (let i = 0; i < perRow; i++) {
      for (let b = 0; b < 4; b++) view.setUint8(4 * (row * perRow + i) + 3 - b, line[b * perRow + i]!);
    }
  }
  return out;
}

interface Numbers {
  new (length: number): Samples;
  new (buffer: ArrayBuffer, from: number, length: number): Samples;
}
const [UNSIGNED, SIGNED, FLOAT] = [1, 2, 3];
const NUMBERS: readonly (readonly [format: number, bits: number, Numbers])[] = [
  [UNSIGNED, 16, Uint16Array],
  [UNSIGNED, 32, Uint32Array],
  [SIGNED, 8, Int8Array],
  [SIGNED, 16, Int16Array],
  [SIGNED, 32, Int32Array],
  [FLOAT, 32, Float32Array],
];

const numbersFor = ({ format, bits }: TiffImage): Numbers =>
  NUMBERS.find(([f, b]) => f === format && b === bits)?.[2] ?? Uint8Array;
