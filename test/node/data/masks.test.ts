/** Real-world masks: which parts are read as nodules, and which notes they get. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { expect, test } from "vitest";
import type { Box, Shape } from "../../../src/data/sample.ts";
import { readMask } from "../../../src/node/data/read-mask.ts";
import { nodulesOfMasks } from "../../../src/data/layouts/masks.ts";
import { temporaryFolder } from "./images.ts";

const cases = fileURLToPath(new URL("../../cases/masks/", import.meta.url));
const SIZE = { width: 320, height: 240 };
const A: Box = { x0: 50, y0: 40, x1: 140, y1: 100 };
const B: Box = { x0: 200, y0: 130, x1: 270, y1: 180 };

interface Result {
  boxes?: Box[];
  shape?: Shape | undefined;
  reason?: string;
  notes: string[];
}

async function read(
  file: string,
  inverted = false,
  size: Parameters<typeof nodulesOfMasks>[1] = SIZE,
): Promise<Result> {
  const notes: string[] = [];
  const remarks = {
    note: (text: string) => void notes.push(text),
    readMask: (name: string) => readMask(name, { inverted }),
  };
  try {
    const { boxes, shape } = await nodulesOfMasks([{ name: "m", file }], size, remarks);
    return { boxes, shape, notes };
  } catch (error) {
    return { reason: (error as Error).message, notes };
  }
}

/** How far a pixel's centre is inside the ellipse of a box, from 1 at its centre over 0 at its edge to less than 0. */
const depth = ({ x0, y0, x1, y1 }: Box, x: number, y: number): number =>
  1 - Math.hypot((2 * x + 1 - x0 - x1) / (x1 - x0), (2 * y + 1 - y0 - y1) / (y1 - y0));

/** The level of each pixel by how deep it lies in the ellipses of A and B. */
function draw(level: (a: number, b: number, x: number, y: number) => number, { width, height } = SIZE): Float32Array {
  return Float32Array.from({ length: width * height }, (_, i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    return level(depth(A, x, y), depth(B, x, y), x, y);
  });
}

const grey = (values: Float32Array) =>
  sharp(Uint8Array.from(values), { raw: { ...SIZE, channels: 1 } }).toColourspace("b-w");

/** Channels of a pixel from a level. */
function coloured(values: Float32Array, colourOf: (level: number) => readonly number[], channels: 3 | 4) {
  const data = Uint8Array.from([...values].flatMap((level) => colourOf(level)));
  return sharp(data, { raw: { ...SIZE, channels } });
}

let count = 0;
async function write(bytes: Uint8Array): Promise<string> {
  const file = path.join(temporaryFolder(), `${count++}`);
  writeFileSync(file, bytes);
  return Promise.resolve(file);
}

const two = (a: number, b: number, background = 0) => draw((inA, inB) => (inA > 0 ? a : inB > 0 ? b : background));
const palette = [
  [0, 0, 0],
  [128, 0, 0],
  [0, 128, 0],
];

test.each([
  ["m_class_85_170.png", [A, B], /levels \(85, 170\): each is read/],
  ["m_012_multiclass.png", [A, B], /levels \(1, 2\): each is read/],
  ["m_u16_01.tif", [A], undefined],
  ["m_soft_prob_max115.png", [A], /background is 0, its nodules are 114/],
])("%s", async (name, boxes, note) => {
  const result = await read(cases + name);
  expect(result.boxes).toEqual(boxes);
  expect(result.notes).toEqual(note ? [expect.stringMatching(note)] : []);
});

test("m_inverted.png is left out, and read where the user says that it is inverted", async () => {
  expect(await read(`${cases}m_inverted.png`)).toEqual({
    reason: expect.stringMatching(
      /its mask m covers 100 % of the image's borders, so it may be inverted: --masks-inverted, if/,
    ) as string,
    notes: [],
  });
  expect((await read(`${cases}m_inverted.png`, true)).boxes).toEqual([A]);
  expect((await read(`${cases}m_u16_01.tif`, true)).reason).toMatch(
    /covers 100 % of the image's borders, though it is read with --masks-inverted/,
  );
});

test.each<[string, () => Promise<Buffer>, RegExp | undefined]>([
  ["255 and 0", () => grey(two(255, 255)).png().toBuffer(), undefined],
  ["1 bit", () => grey(two(255, 255)).png({ palette: true, colours: 2 }).toBuffer(), undefined],
  ["254 beside 255", () => grey(two(255, 254)).png().toBuffer(), undefined],
  ["JPEG", () => grey(two(255, 255)).jpeg({ quality: 75 }).toBuffer(), undefined],
  [
    "JPEG that was saved as PNG",
    async () =>
      sharp(await grey(two(255, 255)).jpeg().toBuffer())
        .png()
        .toBuffer(),
    /levels/,
  ],
  ["levels 85 and 170 as JPEG", () => grey(two(85, 170)).jpeg({ quality: 90 }).toBuffer(), /several levels/],
  [
    "instances with soft edges",
    () =>
      grey(draw((a, b) => Math.max(100 * soft(a), 220 * soft(b))))
        .png()
        .toBuffer(),
    /several/,
  ],
  [
    "soft edges",
    () =>
      grey(draw((a, b) => 255 * soft(Math.max(a, b))))
        .png()
        .toBuffer(),
    /from 0 to 255: thresholded at half/,
  ],
  [
    "soft JPEG up to 120",
    () =>
      grey(draw((a, b) => 120 * soft(Math.max(a, b))))
        .jpeg()
        .toBuffer(),
    /thresholded at half/,
  ],
  [
    "a VOC palette",
    () =>
      coloured(two(1, 2), (l) => palette[l]!, 3)
        .png({ palette: true })
        .toBuffer(),
    /colours \(128 0 0, 0 128 0\)/,
  ],
  [
    "colours on white",
    () =>
      coloured(two(1, 2), (l) => (l === 0 ? [255, 255, 255] : palette[l]!), 3)
        .png()
        .toBuffer(),
    /several colours/,
  ],
  [
    "one colour on white",
    () =>
      coloured(two(1, 1), (l) => (l === 0 ? [255, 255, 255] : palette[l]!), 3)
        .png()
        .toBuffer(),
    /background is the colour 255 255 255/,
  ],
  [
    "red on black as JPEG",
    () =>
      coloured(two(1, 1), (l) => [255 * l, 0, 0], 3)
        .jpeg({ chromaSubsampling: "4:4:4" })
        .toBuffer(),
    /brightest channel/,
  ],
  [
    "transparency alone",
    () =>
      coloured(two(1, 1), (l) => [0, 0, 0, 255 * l], 4)
        .png()
        .toBuffer(),
    /transparency/,
  ],
  [
    "colour that is transparent elsewhere",
    () =>
      coloured(two(1, 1), (l) => [255, 40, 40, 255 * l], 4)
        .png()
        .toBuffer(),
    /transparency/,
  ],
  [
    "white, opaque everywhere",
    () =>
      coloured(two(1, 1), (l) => [255 * l, 255 * l, 255 * l, 255], 4)
        .png()
        .toBuffer(),
    undefined,
  ],
  ["16 bits", () => deep(two(65535, 65535)).png().toBuffer(), undefined],
  ["16 bits with 300", () => deep(two(300, 300)).png().toBuffer(), /its nodules are 300/],
  ["classes in 16 bits", () => deep(two(1, 2)).tiff({ compression: "lzw" }).toBuffer(), /levels \(1, 2\)/],
  ["floats to 1", () => Promise.resolve(floatTiff(two(1, 1))), undefined],
  [
    "float probabilities",
    () => Promise.resolve(floatTiff(draw((a, b) => 0.9 * soft(Math.max(a, b)) + 0.01))),
    /from 0.01 to 0.91: thresholded/,
  ],
])("both nodules of a mask of %s", async (_, make, note) => {
  const { boxes, reason, notes } = await read(await write(await make()));
  expect(reason).toBe(undefined);
  expect(boxes!.length).toBe(2);
  boxes!.forEach((box, i) => {
    for (const [key, value] of Object.entries(box)) {
      expect(Math.abs(value - [A, B][i]![key as keyof Box]), `${i} ${key} ${value}`).toBeLessThanOrEqual(2);
    }
  });
  expect(notes).toEqual(note ? [expect.stringMatching(note)] : []);
});

/** 0 to 1 over a few pixels about the edge. */
const soft = (inside: number) => Math.min(1, Math.max(0, 0.5 + 8 * inside));

const deep = (values: Float32Array) =>
  sharp(Uint16Array.from(values), { raw: { ...SIZE, channels: 1 } }).toColourspace("grey16");

/** A TIFF file of one strip of 32-bit floats. */
function floatTiff(values: Float32Array): Buffer {
  const entries: [tag: number, type: 3 | 4, value: number][] = [
    [256, 4, SIZE.width],
    [257, 4, SIZE.height],
    [258, 3, 32],
    [259, 3, 1],
    [262, 3, 1],
    [273, 4, 8 + 2 + 12 * 10 + 4],
    [277, 3, 1],
    [278, 4, SIZE.height],
    [279, 4, 4 * values.length],
    [339, 3, 3],
  ];
  const head = Buffer.alloc(8 + 2 + 12 * entries.length + 4);
  head.write("II*\0", "latin1");
  head.writeUInt32LE(8, 4);
  head.writeUInt16LE(entries.length, 8);
  entries.forEach(([tag, type, value], i) => {
    head.writeUInt16LE(tag, 10 + 12 * i);
    head.writeUInt16LE(type, 12 + 12 * i);
    head.writeUInt32LE(1, 14 + 12 * i);
    head.writeUInt32LE(value, 18 + 12 * i);
  });
  return Buffer.concat([head, Buffer.from(values.buffer, values.byteOffset, values.byteLength)]);
}

test.each<[string, () => Promise<Buffer>, RegExp]>([
  ["empty", () => grey(two(0, 0)).png().toBuffer(), /its mask is empty/],
  [
    "white everywhere",
    () =>
      grey(two(255, 255, 255))
        .png()
        .toBuffer(),
    /level 255 everywhere/,
  ],
  [
    "transparent everywhere",
    () =>
      coloured(two(1, 1), (l) => [l, l, l, 0], 4)
        .png()
        .toBuffer(),
    /transparent everywhere/,
  ],
  [
    "inverted classes",
    () =>
      grey(two(0, 85, 255))
        .png()
        .toBuffer(),
    /% of the image's borders/,
  ],
  [
    "inverted as JPEG",
    () =>
      grey(two(0, 0, 255))
        .jpeg()
        .toBuffer(),
    /% of the image's borders/,
  ],
  [
    "lit over most",
    () =>
      grey(draw((_a, _b, x, y) => (x > 5 && x < 315 && y > 5 && y < 235 ? 255 : 0)))
        .png()
        .toBuffer(),
    /covers 92 % of the image, so/,
  ],
  [
    "inverted with a dark frame",
    () =>
      grey(draw((a, _b, x, y) => (a <= 0 && x > 20 && x < 300 && y > 20 && y < 220 ? 255 : 0)))
        .png()
        .toBuffer(),
    /of the image around a dark place/,
  ],
  [
    "a gland with a nodule in it",
    () =>
      grey(draw((a) => (a > 0.5 ? 2 : a > 0 ? 1 : 0)))
        .png()
        .toBuffer(),
    /level 2 inside the level 1/,
  ],
  ["0, 1 and 255", () => grey(two(1, 255)).png().toBuffer(), /whether 1 is a nodule or background/],
  [
    "classes 0 and 1 as JPEG",
    () => grey(two(1, 1)).jpeg({ quality: 100 }).toBuffer(),
    /is a JPEG without a level above|its mask is empty/,
  ],
  ["numbers that are none", () => Promise.resolve(floatTiff(two(1, NaN))), /not numbers/],
])("a mask that is %s is left out with the reason", async (_, make, reason) => {
  const result = await read(await write(await make()));
  expect(result.boxes).toBe(undefined);
  expect(result.reason).toMatch(reason);
});

test("a picture in the place of a mask is left out", async () => {
  for (const name of ["i_inverted.png", "i_class_85_170.png"]) {
    expect((await read(cases + name)).reason).toMatch(/looks like a picture, not a mask/);
  }
});

test("a nodule may be large, or touch a border", async () => {
  const large = { x0: 20, y0: 10, x1: 310, y1: 230 };
  const cut = { x0: 40, y0: 120, x1: 280, y1: 360 };
  for (const box of [large, cut]) {
    const values = draw((_a, _b, x, y) => (depth(box, x, y) > 0 ? 255 : 0));
    const { boxes, notes } = await read(await write(await grey(values).png().toBuffer()));
    expect([boxes, notes]).toEqual([[{ ...box, y1: Math.min(box.y1, 240) }], []]);
  }
});

test("instances from 1 to 12 are as many nodules; shades of one are not", async () => {
  const grid = draw((_a, _b, x, y) => {
    const [column, row] = [Math.floor(x / 80), Math.floor(y / 80)];
    return x % 80 < 40 && y % 80 < 30 ? 1 + column + 4 * row : 0;
  });
  const many = await read(await write(await grey(grid).png().toBuffer()));
  expect(many.boxes!.length).toBe(12);
  expect(many.notes).toEqual([expect.stringMatching(/several levels \(1, 2, .* 12\)/)]);
  const shades = draw((a) => Math.max(0, Math.floor(30 * a)));
  const one = await read(await write(await grey(shades).png().toBuffer()));
  expect(one.boxes!.length).toBe(1);
  expect(one.notes).toEqual([expect.stringMatching(/thresholded at half/)]);
});

test("places too faint to count, and specks, are told of", async () => {
  const values = draw((a, b, x, y) => (a > 0 || (x === 10 && y === 10) ? 255 : b > 0 ? 110 * b : 0));
  const { boxes, notes } = await read(await write(await grey(values).png().toBuffer()));
  expect(boxes).toEqual([A]);
  expect(notes).toEqual([
    "its mask has levels from 0 to 255: thresholded at half",
    "1 fainter spot of its mask counts as background",
    "1 speck in m: left out",
  ]);
});

test("a mask of another size is brought to the image's, one of the stored picture turned with it", async () => {
  const file = `${cases}m_u16_01.tif`;
  const double = await read(file, false, { width: 640, height: 480 });
  expect(double.boxes).toEqual([{ x0: 100, y0: 80, x1: 280, y1: 200 }]);
  expect(double.notes).toEqual(["its mask is 320x240: scaled to 640x480"]);
  const turned = await read(file, false, { width: 240, height: 320, stored: { ...SIZE, orientation: 6 } });
  expect(turned.boxes).toEqual([{ x0: 140, y0: 50, x1: 200, y1: 140 }]);
  expect(turned.notes).toEqual([expect.stringMatching(/its mask is 320x240, before it was rotated/)]);
  expect((await read(file, false, { width: 300, height: 300 })).reason).toMatch(/is 320x240, but the image is 300x300/);
});

test("of a mask of several pages one is named, or it is left out", async () => {
  const frames = await Promise.all([two(255, 0), two(0, 255)].map((values) => grey(values).png().toBuffer()));
  const gif = await sharp(frames, { join: { animated: true } })
    .gif()
    .toBuffer();
  const file = await write(gif);
  expect((await read(file)).reason).toMatch(/has 2 frames/);
  expect((await read(`${file}#2`)).boxes).toEqual([B]);
});
