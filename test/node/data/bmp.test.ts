/** Windows bitmaps, built here byte by byte. */
import { describe, expect, test } from "vitest";
import { DataError } from "../../../src/data/sample.ts";
import { bmpSize, decodeBmp } from "../../../src/data/pictures/bmp.ts";
import { decodeGrey } from "../../../src/node/data/decode.ts";

interface Options {
  width: number;
  /** Negative: from the top down. */
  height: number;
  bits: number;
  compression?: number;
  /** Length of the header; 12 is OS/2's. */
  header?: number;
  masks?: number[];
  palette?: number[][];
  /** Bytes between header and pixels. */
  gap?: number;
  pixels: readonly number[];
}

function bmp(options: Options): Buffer {
  const { width, height, bits, compression = 0, header = 40, masks = [], palette = [], gap = 0, pixels } = options;
  const head = Buffer.alloc(14 + header);
  head.write("BM");
  head.writeUInt32LE(header, 14);
  if (header === 12) {
    head.writeUInt16LE(width, 18);
    head.writeUInt16LE(height, 20);
    head.writeUInt16LE(bits, 24);
  } else {
    head.writeInt32LE(width, 18);
    head.writeInt32LE(height, 22);
    head.writeUInt16LE(bits, 28);
    head.writeUInt32LE(compression, 30);
    head.writeUInt32LE(palette.length, 46);
  }
  const fields = Buffer.alloc(4 * masks.length);
  masks.forEach((mask, i) => fields.writeUInt32LE(mask, 4 * i));
  // Longer headers have the masks in them.
  if (header >= 56) fields.copy(head, 54);
  const colours = Buffer.from(palette.flatMap(([r, g, b]) => [b!, g!, r!, ...(header === 12 ? [] : [0])]));
  const parts = [head, ...(header >= 56 ? [] : [fields]), colours, Buffer.alloc(gap, 77)];
  head.writeUInt32LE(
    parts.reduce((sum, part) => sum + part.length, 0),
    10,
  );
  return Buffer.concat([...parts, Buffer.from(pixels)]);
}

const [R, G, B, W, K]: [number[], number[], number[], number[], number[]] = [
  [255, 0, 0],
  [0, 255, 0],
  [0, 0, 255],
  [255, 255, 255],
  [0, 0, 0],
];
const palette = [K, R, G, B, W];
/** 3 x 2: red green blue over white black red. */
const picture = [R, G, B, W, K, R].flat();
const rgb = { width: 3, height: 2 };
const le = (...values: number[]) => values.flatMap((v) => [v & 255, v >> 8]);
const dword = (...values: number[]) => values.flatMap((v) => [v & 255, (v >> 8) & 255, (v >> 16) & 255, v >>> 24]);

describe("a bitmap of", () => {
  const fields = { compression: 3, masks: [0xf800, 0x07e0, 0x001f] };
  test.each<[string, Options]>([
    ["1 bit", { ...rgb, bits: 1, palette: [W, R], pixels: [0b00100000, 0, 0, 0, 0b11000000, 0, 0, 0] }],
    ["4 bits", { ...rgb, bits: 4, palette, pixels: [0x40, 0x10, 0, 0, 0x12, 0x30, 0, 0] }],
    ["8 bits", { ...rgb, bits: 8, palette, pixels: [4, 0, 1, 0, 1, 2, 3, 0] }],
    ["8 bits, from the top down", { ...rgb, height: -2, bits: 8, palette, pixels: [1, 2, 3, 0, 4, 0, 1, 0] }],
    ["8 bits, pixels far behind", { ...rgb, bits: 8, palette, gap: 50, pixels: [4, 0, 1, 0, 1, 2, 3, 0] }],
    ["8 bits, OS/2", { ...rgb, bits: 8, header: 12, palette: padded(), pixels: [4, 0, 1, 0, 1, 2, 3, 0] }],
    [
      "RLE8: runs, stretches, ends of rows",
      { ...rgb, bits: 8, compression: 1, palette, pixels: [0, 3, 4, 0, 1, 0, 0, 0, 1, 1, 1, 2, 1, 3, 0, 0, 0, 1] },
    ],
    [
      "RLE8: skipped pixels are of colour 0",
      { ...rgb, bits: 8, compression: 1, palette, pixels: [1, 4, 0, 2, 1, 0, 1, 1, 0, 0, 0, 3, 1, 2, 3, 0, 0, 1] },
    ],
    ["RLE4", { ...rgb, bits: 4, compression: 2, palette, pixels: [3, 0x40, 0, 2, 0, 0, 0, 0, 3, 0x12, 0, 1] }],
    ["16 bits", { ...rgb, bits: 16, pixels: [...le(0x7fff, 0, 0x7c00, 0), ...le(0x7c00, 0x03e0, 0x001f, 0)] }],
    [
      "16 bits, 5-6-5",
      { ...rgb, ...fields, bits: 16, pixels: [...le(0xffff, 0, 0xf800, 0), ...le(0xf800, 0x07e0, 0x001f, 0)] },
    ],
    [
      "24 bits",
      {
        ...rgb,
        bits: 24,
        pixels: [255, 255, 255, 0, 0, 0, 0, 0, 255, 0, 0, 0, 0, 0, 255, 0, 255, 0, 255, 0, 0, 0, 0, 0],
      },
    ],
    [
      "32 bits, the fourth byte unused",
      { ...rgb, bits: 32, pixels: dword(0xffffff, 0, 0xff0000, 0xff0000, 0x00ff00, 0x0000ff) },
    ],
  ])("%s is the picture", (name, options) => {
    const decoded = decodeBmp(bmp(options));
    expect([decoded.width, decoded.height, decoded.channels]).toEqual([3, 2, 3]);
    if (name === "1 bit") expect([...decoded.data]).toEqual([R, R, W, W, W, R].flat());
    else if (name === "RLE4") expect([...decoded.data]).toEqual([R, G, R, W, K, W].flat());
    else expect([...decoded.data]).toEqual(picture);
  });

  function padded() {
    return Array.from({ length: 256 }, (_, i) => palette[i] ?? K);
  }

  test("32 bits with transparency keeps it, and one that is 0 everywhere is none", async () => {
    const masks = [0xff0000, 0xff00, 0xff, 0xff000000];
    const options = { width: 2, height: 1, bits: 32, compression: 3, header: 108, masks };
    const half = decodeBmp(bmp({ ...options, pixels: dword(0x80ffffff, 0xff0000ff) }));
    expect([half.channels, ...half.data]).toEqual([4, 255, 255, 255, 128, 0, 0, 255, 255]);
    const { grey } = await decodeGrey(bmp({ ...options, pixels: dword(0x80ffffff, 0xffffffff) }));
    expect([...grey]).toEqual([128, 255]);
    const none = decodeBmp(bmp({ ...options, pixels: dword(0x00ffffff, 0x000000ff) }));
    expect([...none.data]).toEqual([255, 255, 255, 255, 0, 0, 255, 255]);
  });
});

describe("a damaged bitmap is refused on one line", () => {
  const whole: Options = { ...rgb, bits: 8, palette, pixels: [4, 0, 1, 0, 1, 2, 3, 0] };
  const rle = (...pixels: number[]): Options => ({ ...whole, compression: 1, pixels });
  test.each<[string, Uint8Array, RegExp]>([
    ["cut off", bmp(whole).subarray(0, -3), /it is cut off$/],
    ["cut off in its palette", bmp(whole).subarray(0, 60), /its palette is cut off$/],
    ["without pixels", bmp({ ...whole, pixels: [] }), /its pixels are not in it$/],
    ["of a colour beyond its palette", bmp({ ...whole, pixels: [4, 0, 9, 0, 1, 2, 3, 0] }), /the colour 9, which/],
    ["of no width", bmp({ ...whole, width: 0 }), /does not say how large it is$/],
    ["of negative width", bmp({ ...whole, width: -3 }), /does not say how large it is$/],
    ["too large", bmp({ ...whole, width: 65535, height: -65535 }), /is an image of 65535x65535: too large/],
    ["of 7 bits", bmp({ ...whole, bits: 7 }), /7 bits per pixel with compression 0 cannot be read$/],
    ["with a JPEG in it", bmp({ ...whole, compression: 4 }), /with compression 4 cannot be read$/],
    ["of runs beyond its rows", bmp(rle(200, 1, 0, 1)), /its runs do not fit into its rows$/],
    ["of runs below its rows", bmp(rle(0, 2, 0, 9, 1, 1, 0, 1)), /its runs do not fit into its rows$/],
    ["of runs that are cut off", bmp(rle(3, 1, 0)), /it is cut off$/],
    ["with another header", bmp({ ...whole, header: 5000 }), /its header is of an unknown kind$/],
  ])("%s", async (_, bytes, reason) => {
    const error: unknown = await decodeGrey(bytes).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(DataError);
    expect((error as Error).message).toMatch(reason);
    expect((error as Error).message).not.toContain("\n");
  });

  test("its size comes from its header", () => {
    expect(bmpSize(bmp({ ...whole, height: -2 }))).toEqual(rgb);
  });
});
