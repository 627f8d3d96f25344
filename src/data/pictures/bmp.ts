/** Decodes Windows bitmaps (.bmp), which sharp does not: 1 to 32 bits per pixel, palettes, RLE, either row order. */
import { DataError } from "../sample.ts";
import { MAX_PIXELS, tooLarge } from "./limits.ts";

/** BI_RGB, BI_RLE8, BI_RLE4, BI_BITFIELDS, BI_ALPHABITFIELDS. */
const [PLAIN, RLE8, RLE4, FIELDS, ALPHA_FIELDS] = [0, 1, 2, 3, 6] as const;

interface Header {
  width: number;
  height: number;
  /** Whether the file's first row is the top one. */
  topDown: boolean;
  bits: number;
  compression: number;
  /** Where the pixels begin. */
  offset: number;
  /** Bit masks of red, green, blue and alpha, for 16 and 32 bits. */
  masks: number[];
  /** Red, green, blue for each index. */
  palette: Uint8Array;
}

export const isBmp = (bytes: Uint8Array): boolean => bytes.length > 26 && bytes[0] === 0x42 && bytes[1] === 0x4d;

/** @throws DataError, without the file's name, for an invalid header */
export function bmpSize(bytes: Uint8Array): { width: number; height: number } {
  const { width, height } = readHeader(viewOf(bytes));
  return { width, height };
}

/**
 * The picture's colours, interleaved: red, green, blue, and alpha if the header assigns bits to it (the fourth byte of plain
 * 32 bits is unused, and 0 in most files).
 *
 * @throws DataError, without the file's name, also for a file that ends before its pixels do
 */
export function decodeBmp(bytes: Uint8Array): { width: number; height: number; channels: 3 | 4; data: Uint8Array } {
  const view = viewOf(bytes);
  const header = readHeader(view);
  const { width, height, bits, compression } = header;
  const direct = bits > 8;
  const channels = direct && header.masks[3] !== 0 ? 4 : 3;
  const data = new Uint8Array(width * height * channels);
  let opaque = 0;
  const indices = compression === RLE8 || compression === RLE4 ? runs(bytes, header) : undefined;
  const stride = 4 * Math.ceil((width * bits) / 32);
  if (!indices && header.offset + stride * (height - 1) + Math.ceil((width * bits) / 8) > bytes.length) {
    throw bad("it is cut off");
  }
  const fields = header.masks.map(field);
  for (let y = 0; y < height; y++) {
    const row = header.offset + stride * y;
    let to = channels * width * (header.topDown ? y : height - 1 - y);
    for (let x = 0; x < width; x++, to += channels) {
      if (direct) {
        if (bits === 24) {
          const at = row + 3 * x;
          data[to] = bytes[at + 2]!;
          data[to + 1] = bytes[at + 1]!;
          data[to + 2] = bytes[at]!;
          continue;
        }
        const value = bits === 16 ? view.getUint16(row + 2 * x, true) : view.getUint32(row + 4 * x, true);
        for (let c = 0; c < channels; c++) data[to + c] = fields[c]!(value);
        if (channels === 4) opaque |= data[to + 3]!;
        continue;
      }
      const index = indices
        ? indices[y * width + x]!
        : (bytes[row + ((x * bits) >> 3)]! >> (8 - bits - ((x * bits) & 7))) & (2 ** bits - 1);
      if (3 * index >= header.palette.length) throw bad(`it has the colour ${index}, which is not in its palette`);
      data.set(header.palette.subarray(3 * index, 3 * index + 3), to);
    }
  }
  // Programs unaware of alpha leave it 0; viewers then treat the picture as opaque.
  if (channels === 4 && opaque === 0) for (let i = 3; i < data.length; i += 4) data[i] = 255;
  return { width, height, channels, data };
}

const bad = (why: string) => new DataError(`is not a readable image: BMP: ${why}`);

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function readHeader(view: DataView): Header {
  const size = view.byteLength >= 18 ? view.getUint32(14, true) : 0;
  // The oldest header has 12 bytes and 16-bit sizes.
  const old = size === 12;
  if (!(old || size >= 40) || size > 1024 || 14 + size > view.byteLength) throw bad("its header is of an unknown kind");
  const width = old ? view.getUint16(18, true) : view.getInt32(18, true);
  const rows = old ? view.getUint16(20, true) : view.getInt32(22, true);
  const height = Math.abs(rows);
  if (width < 1 || height < 1) throw bad("it does not say how large it is");
  if (width * height > MAX_PIXELS) throw tooLarge(width, height);
  const bits = view.getUint16(old ? 24 : 28, true);
  const compression = old ? PLAIN : view.getUint32(30, true);
  const known =
    (compression === PLAIN && [1, 4, 8, 16, 24, 32].includes(bits)) ||
    (compression === RLE8 && bits === 8) ||
    (compression === RLE4 && bits === 4) ||
    ((compression === FIELDS || compression === ALPHA_FIELDS) && (bits === 16 || bits === 32));
  if (!known) throw bad(`${bits} bits per pixel with compression ${compression} cannot be read`);
  const { masks, length } = readMasks(view, { size, bits, compression });
  const colours = bits > 8 ? 0 : (old ? 0 : view.getUint32(46, true)) || 2 ** bits;
  const entry = old ? 3 : 4;
  const begin = 14 + size + length;
  if (colours > 256 || begin + entry * colours > view.byteLength) throw bad("its palette is cut off");
  const palette = Uint8Array.from({ length: 3 * colours }, (_, i) =>
    view.getUint8(begin + entry * Math.floor(i / 3) + 2 - (i % 3)),
  );
  const offset = view.getUint32(10, true);
  if (offset < begin + entry * colours || offset >= view.byteLength) throw bad("its pixels are not in it");
  return { width, height, topDown: rows < 0, bits, compression, offset, masks, palette };
}

/** The bit masks of red, green, blue and alpha, and how many bytes after the header hold them. */
function readMasks(view: DataView, { size, bits, compression }: { size: number; bits: number; compression: number }) {
  const usual = bits === 16 ? [0x7c00, 0x03e0, 0x001f, 0] : [0xff0000, 0xff00, 0xff, 0];
  if (compression !== FIELDS && compression !== ALPHA_FIELDS) return { masks: usual, length: 0 };
  // They follow the 40-byte header and are part of longer ones, which from 56 bytes on include one for alpha.
  const count = compression === ALPHA_FIELDS || size >= 56 ? 4 : 3;
  if (54 + 4 * count > view.byteLength) throw bad("it is cut off");
  const masks = [0, 1, 2, 3].map((i) => (i < count ? view.getUint32(54 + 4 * i, true) : 0));
  if (masks.slice(0, 3).includes(0)) throw bad("it does not say where its colours are");
  return { masks, length: size === 40 ? 4 * count : 0 };
}

/** Extracts a colour's bits from a pixel and scales them to 8. */
function field(mask: number): (value: number) => number {
  const shift = mask === 0 ? 0 : Math.log2((mask & -mask) >>> 0);
  const most = (mask >>> shift) >>> 0;
  return (value) => (most === 0 ? 0 : Math.round((255 * (((value & mask) >>> 0) >>> shift)) / most));
}

/** Palette indices of a run-length encoded picture, in file row order; skipped pixels have index 0. */
function runs(bytes: Uint8Array, { width, height, bits, offset }: Header): Uint8Array {
  const indices = new Uint8Array(width * height);
  let [at, x, y] = [offset, 0, 0];
  const next = () => {
    if (at >= bytes.length) throw bad("it is cut off");
    return bytes[at++]!;
  };
  const put = (index: number) => {
    if (x >= width || y >= height) throw bad("its runs do not fit into its rows");
    indices[y * width + x++] = index;
  };
  const nibble = (byte: number, i: number) => (bits === 8 ? byte : i % 2 === 0 ? byte >> 4 : byte & 15);
  for (;;) {
    const [count, value] = [next(), next()];
    if (count > 0) {
      for (let i = 0; i < count; i++) put(nibble(value, i));
    } else if (value === 0) {
      [x, y] = [0, y + 1];
      // Some programs omit the end marker.
      if (y >= height && at >= bytes.length) return indices;
    } else if (value === 1) return indices;
    else if (value === 2) [x, y] = [x + next(), y + next()];
    else {
      const length = bits === 8 ? value : Math.ceil(value / 2);
      const begin = at;
      for (let i = 0; i < value; i++) {
        if (bits === 8 || i % 2 === 0) next();
        put(nibble(bytes[at - 1]!, i));
      }
      at = begin + length + (length % 2);
    }
  }
}
