/** Real-world image files: what they show, frame by frame, or why they are refused. */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import sharp, { type Sharp } from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import { DataError } from "../../../src/data/sample.ts";
import {
  decodeGrey,
  decodeLevels,
  type GreyImage,
  greyOf,
  imageSize,
  openPictures,
  readImage,
} from "../../../src/node/data/decode.ts";
import { openDataset } from "../../../src/node/data/open.ts";
import { prepareImage } from "../../../src/node/data/prepare-image.ts";
import { encode, temporaryFolder, ultrasound } from "./images.ts";
import { type Numbers, tiff } from "./tiff-files.ts";

const cases = fileURLToPath(new URL("../../cases/", import.meta.url));
const dir = temporaryFolder();
const at = (name: string) => path.join(dir, name);
const size = { width: 64, height: 48, crop: "adaptive" } as const;

let reference: GreyImage;
beforeAll(async () => {
  reference = await decodeGrey(await readImage(`${cases}dicom/ref_g.png`));
});

const worst = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((most, level, i) => Math.max(most, Math.abs(level - b[i]!)), 0);
};

/** Written as a file, prepared: why that fails. */
async function refusal(name: string, bytes: Uint8Array | string): Promise<string> {
  writeFileSync(at(name), bytes);
  const error: unknown = await prepareImage(at(name), size).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(DataError);
  expect((error as Error).message).toMatch(/^[^\n]+$/);
  return (error as Error).message.replace(`${at(name)}: `, "");
}

describe("the cases", () => {
  test.each([
    ["bmp.bmp", 0, undefined],
    ["float01.tif", 1, "has levels 0 to 0.9216: read as 0 to 1"],
    ["png16_12bit_x.png", 1, "has levels 0 to 3760: read as 12 bits"],
    ["multipage_x.tif#1", 0, undefined],
  ])("%s looks as it should, within %s levels", async (name, most, note) => {
    const image = await decodeGrey(await readImage(`${cases}raster/${name}`));
    expect([image.width, image.height, image.note]).toEqual([320, 240, note]);
    expect(worst(image.grey, reference.grey)).toBeLessThanOrEqual(most);
    const prepared = await prepareImage(`${cases}raster/${name}`, size);
    expect(prepared.note).toBe(note);
    expect(prepared.source).toMatchObject({ width: 320, height: 240 });
  });

  test("exif6_x.jpg is turned as viewers turn it; its box, of the stored picture, is at 140 50 200 140", async () => {
    const file = `${cases}raster/exif6_x.jpg`;
    const image = await decodeGrey(await readImage(file));
    expect([image.width, image.height]).toEqual([240, 320]);
    expect(await imageSize(file)).toEqual({
      width: 240,
      height: 320,
      stored: { width: 320, height: 240, orientation: 6 },
    });
    // The reference turned by a quarter, clockwise; the file is a JPEG of the same picture.
    const turned = Uint8Array.from(image.grey, (_, i) => {
      const [x, y] = [i % 240, Math.floor(i / 240)];
      return reference.grey[(239 - x) * 320 + y]!;
    });
    const off = image.grey.reduce((sum, level, i) => sum + Math.abs(level - turned[i]!), 0) / image.grey.length;
    expect(off).toBeLessThan(5);
  });

  test("rgba_alpha0_x.png is refused: nothing of it can be seen", async () => {
    const reason = await refusal("clear.png", readFileSync(`${cases}raster/rgba_alpha0_x.png`));
    expect(reason).toBe("is blank: all its pixels are transparent");
  });

  test("multipage_x.tif asks for a frame; each is its own, and there is no fourth", async () => {
    const file = `${cases}raster/multipage_x.tif`;
    const reason = "has 3 frames: name one, as in multipage_x.tif#1, in a manifest";
    await expect(imageSize(file)).rejects.toThrow(new DataError(reason));
    await expect(decodeGrey(await readImage(file))).rejects.toThrow(new DataError(reason));
    const frames = [];
    for (const n of [1, 2, 3]) {
      expect(await imageSize(`${file}#${n}`)).toEqual({ width: 320, height: 240 });
      frames.push((await decodeGrey(await readImage(`${file}#${n}`))).grey);
    }
    expect(worst(frames[0]!, reference.grey)).toBe(0);
    expect(worst(frames[1]!, reference.grey)).toBeGreaterThan(100);
    await expect(imageSize(`${file}#4`)).rejects.toThrow(new DataError("has 3 frames: there is no frame 4"));
    await expect(imageSize(`${file}#0`)).rejects.toThrow(new DataError("there is no such file"));
  });
});

describe("frames", () => {
  const pictures = [1, 2, 3, 4, 5].map((seed) => ultrasound(seed));
  const stack = () =>
    sharp(Buffer.concat(pictures.map(({ grey }) => grey)), {
      raw: { width: 320, height: 240 * pictures.length, channels: 1, pageHeight: 240 },
    });

  test.each<[string, (image: Sharp) => Sharp, number]>([
    ["a.webp", (image) => image.webp({ lossless: true }), 0],
    ["a.gif", (image) => image.gif({ dither: 0 }), 40],
    ["a.tif", (image) => image.tiff({ compression: "lzw" }), 0],
  ])("of %s are the pictures that were put in, in any order", async (name, encoded, most) => {
    writeFileSync(at(name), await encoded(stack()).toBuffer());
    const { bytes } = await readImage(at(name));
    for (const order of [
      [1, 2, 3, 4, 5],
      [5, 1, 3, 2],
    ]) {
      const opened = await openPictures(bytes);
      expect(opened.frames).toEqual([1, 2, 3, 4, 5]);
      for (const frame of order) {
        const { grey } = await greyOf(await opened.render(frame));
        expect(worst(grey, pictures[frame - 1]!.grey), `frame ${frame}`).toBeLessThanOrEqual(most);
        const alone = await decodeGrey(await readImage(`${at(name)}#${frame}`));
        expect(Buffer.compare(alone.grey, grey)).toBe(0);
      }
    }
    expect(await refusal(name, bytes)).toBe(`has 5 frames: name one, as in ${name}#1, in a manifest`);
  });

  test.each(["gif", "webp", "tiff"] as const)("a %s of one picture is an image", async (format) => {
    const bytes = await encode(pictures[0]!).toFormat(format).toBuffer();
    expect((await openPictures(bytes)).frames).toEqual([1]);
    writeFileSync(at("one"), bytes);
    expect((await decodeGrey(await readImage(`${at("one")}#1`))).width).toBe(320);
    await expect(imageSize(`${at("one")}#2`)).rejects.toThrow(new DataError("has one frame: there is no frame 2"));
  });

  test("a file whose name ends as a frame's is that file", async () => {
    const bytes = await encode(pictures[0]!).png().toBuffer();
    writeFileSync(at("scan#12"), bytes);
    expect(await imageSize(at("scan#12"))).toEqual({ width: 320, height: 240 });
    await expect(imageSize(at("gone#12"))).rejects.toThrow(new DataError("there is no such file"));
  });

  test("of one film are of one patient, also where the manifest names none", async () => {
    writeFileSync(at("loop.tif"), tiff(...pictures));
    writeFileSync(at("alone.png"), await encode(pictures[0]!).png().toBuffer());
    const rows = ["loop.tif#1", "loop.tif#2", "alone.png"].map((name) => `${name},1,100 80 160 120\n`);
    writeFileSync(at("films.csv"), `image,label,boxes\n${rows.join("")}`);
    const { samples } = await openDataset(at("films.csv"));
    expect(samples.map(({ id, group }) => [id, group])).toEqual([
      ["loop.tif#1", "loop.tif"],
      ["loop.tif#2", "loop.tif"],
      ["alone.png", "alone.png"],
    ]);
  });

  test("smaller copies in a TIFF file are no frames, and that is said; pages of other sizes are", async () => {
    const shrunk = (width: number, height: number) => resized(pictures[0]!, width, height);
    const whole = pictures[0]!;
    const thumbnail = tiff(whole, await shrunk(80, 60));
    expect((await openPictures(thumbnail)).frames).toEqual([1]);
    const first = tiff(await shrunk(160, 120), whole, await shrunk(80, 60));
    writeFileSync(at("pyramid.tif"), first);
    const { source, note } = await prepareImage(at("pyramid.tif"), size);
    expect(source).toMatchObject({ width: 320, height: 240 });
    expect(note).toBe("has 3 pages: page 2 is used, the others are smaller copies");
    const mixed = tiff(whole, await shrunk(300, 200));
    expect((await openPictures(mixed)).frames).toEqual([1, 2]);
    writeFileSync(at("mixed.tif"), mixed);
    expect(await imageSize(`${at("mixed.tif")}#2`)).toEqual({ width: 300, height: 200 });
  });

  test("an animated PNG, of which only the first frame could be read, is refused by name", async () => {
    const png = await encode(pictures[0]!).png().toBuffer();
    const chunk = Buffer.concat([Buffer.of(0, 0, 0, 8), Buffer.from("acTL"), Buffer.of(0, 0, 0, 2, 0, 0, 0, 0)]);
    const crc = Buffer.alloc(4);
    crc.writeUInt32BE(crcOf(chunk.subarray(4)));
    const animated = Buffer.concat([png.subarray(0, 33), chunk, crc, png.subarray(33)]);
    expect(await refusal("a.png", animated)).toMatch(/^is an animated PNG: its frames cannot be read/);
  });
});

async function resized(image: GreyImage, width: number, height: number): Promise<GreyImage> {
  const grey = await encode(image).resize(width, height, { fit: "fill" }).toColourspace("b-w").raw().toBuffer();
  return { width, height, grey };
}

function crcOf(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let k = 0; k < 8; k++) crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1));
  }
  return ~crc >>> 0;
}

describe("colours and depths show what viewers show", () => {
  const grey = ultrasound(3);
  const shown = (image: Sharp) => image.toBuffer().then(decodeGrey);
  const coloured = sharp(
    Uint8Array.from({ length: 3 * grey.grey.length }, (_, i) => (i % 3 === 0 ? grey.grey[(i / 3) | 0]! : i % 251)),
    { raw: { width: 320, height: 240, channels: 3 } },
  );

  test("an interlaced PNG, a PNG called JPEG and a JPEG called PNG", async () => {
    const png = await encode(grey).png({ progressive: true }).toBuffer();
    expect(worst((await decodeGrey(png)).grey, grey.grey)).toBe(0);
    writeFileSync(at("x.jpg"), await encode(grey).png().toBuffer());
    writeFileSync(at("x.png"), await encode(grey).jpeg({ quality: 100 }).toBuffer());
    expect(worst((await decodeGrey(await readImage(at("x.jpg")))).grey, grey.grey)).toBe(0);
    expect(worst((await decodeGrey(await readImage(at("x.png")))).grey, grey.grey)).toBeLessThanOrEqual(3);
  });

  test("ICC profiles are applied: colours of a wider range are not taken for sRGB's", async () => {
    const plain = await shown(coloured.clone().png());
    const same = await shown(coloured.clone().withIccProfile("srgb").png());
    expect(worst(same.grey, plain.grey)).toBeLessThanOrEqual(1);
    const wide = await shown(coloured.clone().withIccProfile("p3").png());
    const off = wide.grey.reduce((sum, level, i) => sum + Math.abs(level - plain.grey[i]!), 0) / wide.grey.length;
    expect(off).toBeLessThan(3);
  });

  test("inks without a profile: what each lets through, multiplied", async () => {
    const inks = tiff({ width: 320, height: 240, grey: grey.grey }, { inks: true });
    const image = await decodeGrey(inks);
    expect(
      worst(
        image.grey,
        grey.grey.map((level) => 255 - level),
      ),
    ).toBeLessThanOrEqual(1);
  });

  test("transparency over black, with a palette, with grey, with colours, with 16 bits", async () => {
    const alpha = (i: number) => (i * 3) % 256;
    const greyAlpha = Uint8Array.from({ length: 2 * 76800 }, (_, i) => (i % 2 ? alpha(i >> 1) : grey.grey[i >> 1]!));
    const raw = { width: 320, height: 240, channels: 2 } as const;
    const expected = grey.grey.map((level, i) => Math.round((level * alpha(i)) / 255));
    expect(worst((await shown(sharp(greyAlpha, { raw }).png())).grey, expected)).toBeLessThanOrEqual(1);
    const deep = Uint16Array.from(greyAlpha, (level) => 257 * level);
    const wide = await shown(sharp(deep, { raw }).toColourspace("grey16").png());
    expect(worst(wide.grey, expected)).toBeLessThanOrEqual(1);
    const clear = Uint8Array.from({ length: 4 * 76800 }, (_, i) =>
      i % 4 < 3 ? (i >> 2) % 200 : (i >> 2) % 7 ? 255 : 0,
    );
    const palette = sharp(clear, { raw: { width: 320, height: 240, channels: 4 } }).png({ palette: true, dither: 0 });
    const { grey: holes } = await shown(palette);
    for (let i = 0; i < holes.length; i += 7) expect(holes[i]).toBe(0);
  });

  test.each([8, 12, 16])("grey and colours of %s bits in 16", async (bits) => {
    const factor = (2 ** bits - 1) / 255;
    const deep = Uint16Array.from(grey.grey, (level) => Math.round(factor * level));
    const raw = { width: 320, height: 240 } as const;
    const one = await shown(
      sharp(deep, { raw: { ...raw, channels: 1 } })
        .toColourspace("grey16")
        .png(),
    );
    expect(worst(one.grey, grey.grey)).toBeLessThanOrEqual(1);
    const three = Uint16Array.from({ length: 3 * deep.length }, (_, i) => deep[Math.floor(i / 3)]!);
    const colours = await shown(
      sharp(three, { raw: { ...raw, channels: 3 } })
        .toColourspace("rgb16")
        .tiff({ compression: "lzw" }),
    );
    expect(worst(colours.grey, grey.grey)).toBeLessThanOrEqual(1);
    expect([one.note, colours.note]).toEqual(
      Array(2).fill(bits === 16 ? undefined : (expect.stringContaining(`read as ${bits} bits`) as string)),
    );
  });

  test.each<[string, Numbers, string | RegExp]>([
    ["floats 0 to 255", Float32Array.from(grey.grey), "has levels 0 to 255: read as 8 bits"],
    ["floats 0 to 65535", Float32Array.from(grey.grey, (v) => 257 * v), "has levels 0 to 65540: read as 16 bits"],
    ["signed 16 bits", Int16Array.from(grey.grey, (v) => 16 * v), "has levels 0 to 4080: read as 12 bits"],
    ["signed 32 bits", Int32Array.from(grey.grey), "has levels 0 to 255: read as 8 bits"],
    ["unsigned 32 bits", Uint32Array.from(grey.grey), "has levels 0 to 255: read as 8 bits"],
    ["10 bits in 16", Int16Array.from(grey.grey, (v) => 4 * v), "has levels 0 to 1020: read as 10 bits"],
    ["14 bits in 16", Uint16Array.from(grey.grey, (v) => (v * 16383) / 255), "has levels 0 to 16380: read as 14 bits"],
  ])("%s are what they are where that is certain, which is said", async (_, levels, note) => {
    const image = await decodeGrey(tiff({ width: 320, height: 240, levels }));
    expect(image.note).toBe(note);
    expect(worst(image.grey, grey.grey)).toBeLessThanOrEqual(1);
  });

  test.each<[string, Numbers, RegExp]>([
    ["negative floats", Float32Array.from(grey.grey, (v) => v / 255 - 0.5), /^has levels -0.5 to 0.5: its black level/],
    ["not-a-number", Float32Array.from(grey.grey, (v, i) => (i === 777 ? NaN : v / 255)), /not numbers$/],
    ["infinity", Float32Array.from(grey.grey, (v, i) => (i === 777 ? Infinity : v / 255)), /not numbers$/],
    ["floats to 30", Float32Array.from(grey.grey, (v) => (30 * v) / 255), /^has levels 0 to 30, which is a dim/],
    ["negative 16 bits", Int16Array.from(grey.grey, (v) => 16 * v - 900), /^has levels -900 to 3180: its black level/],
    ["negative 32 bits", Int32Array.from(grey.grey, (v) => 16 * v - 900), /^has levels -900 to 3180: its black level/],
    ["32 bits beyond 16", Uint32Array.from(grey.grey, (v) => 1e6 * v), /^has levels 0 to 255000000: its white level/],
    ["9 bits in 16", Int16Array.from(grey.grey, (v) => 2 * v), /^has levels 0 to 510, which is a dim picture of 12/],
    [
      "14 or 16 bits",
      Uint16Array.from(grey.grey, (v) => 60 * v),
      /^has levels 0 to 15300, which is a dim .* or one of 14/,
    ],
  ])("%s are refused with their range", async (_, levels, reason) => {
    expect(await refusal("deep.tif", tiff({ width: 320, height: 240, levels }))).toMatch(reason);
  });

  test.each<[string, Numbers, number]>([
    ["8 bits", grey.grey, 255],
    ["16 bits", Uint16Array.from(grey.grey, (v) => 257 * v), 65535],
    ["12 bits in 16", Uint16Array.from(grey.grey, (v) => (v * 4095) / 255), 4095],
    ["signed 16 bits", Int16Array.from(grey.grey, (v) => 16 * v), 4095],
    ["unsigned 32 bits", Uint32Array.from(grey.grey), 255],
    ["floats 0 to 1", Float32Array.from(grey.grey, (v) => v / 255), 1],
    ["floats 0 to 255", Float32Array.from(grey.grey), 255],
  ])("%s of a TIFF file whose 0 is white are turned over", async (_, levels, white) => {
    const image = await decodeGrey(
      tiff({ width: 320, height: 240, levels: levels.map((v) => white - v), whiteIsZero: true }),
    );
    expect(worst(image.grey, grey.grey)).toBeLessThanOrEqual(1);
  });

  test.each([16, 64])("floats of %s bits are refused by name", async (bits) => {
    const data = new Uint8Array((320 * 240 * bits) / 8).fill(60);
    const file = tiff({ width: 320, height: 240, floats: { bits, data } });
    expect(await refusal("deep.tif", file)).toBe(
      `is not a readable image: its levels are floats of ${bits} bits; save it with 32 or 8 bits`,
    );
  });

  test("the numbers of a mask come as they stand, upright", async () => {
    const classes = Uint16Array.from({ length: 12 }, (_, i) => i % 3);
    const mask = await decodeLevels(tiff({ width: 4, height: 3, levels: classes, orientation: 6 }));
    expect(mask).toMatchObject({ width: 3, height: 4, channels: 1 });
    expect([...mask.levels]).toEqual([2, 1, 0, 0, 2, 1, 1, 0, 2, 2, 1, 0]);
  });
});

describe("no picture", () => {
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="320" height="240"></svg>';
  const flat = (width: number, height: number, level: number) =>
    encode({ width, height, grey: new Uint8Array(width * height).fill(level) });

  test.each<[string, Uint8Array | string, string]>([
    ["empty.svg", svg, "is not a readable image: it is a drawing (SVG), not an image of pixels"],
    [
      "drawn.png",
      `<?xml version="1.0"?>\n<!-- a -->\n${svg}`,
      "is not a readable image: it is a drawing (SVG), not an image of pixels",
    ],
    [
      "wide.svg",
      Buffer.from(`\ufeff${svg}`, "utf16le"),
      "is not a readable image: it is a drawing (SVG), not an image of pixels",
    ],
    ["packed.svgz", gzipSync(svg), "is not a readable image: it is compressed with gzip: unpack it first"],
    ["page.jpg", "<!DOCTYPE html><html></html>", "is not a readable image: it is text (XML or HTML)"],
    ["text.pdf", "%PDF-1.7 and so on", "is not a readable image: it is a PDF document"],
    ["phone.heic", "\0\0\0\x18ftypheic\0\0\0\0mif1heic", "is not a readable image: it is a HEIF image (.heic)"],
    ["film.mp4", "\0\0\0\x18ftypisom\0\0\0\0", "is not a readable image: it is a video (MP4 or QuickTime)"],
    ["film.avi", "RIFF\x10\0\0\0AVI LIST", "is not a readable image: it is a video (AVI)"],
    ["nothing.png", "", "is not a readable image: the file is empty"],
  ])("%s is refused by its name", async (name, bytes, reason) => {
    expect(await refusal(name, bytes)).toBe(reason);
  });

  test("a blank one is refused with its levels, in any format", async () => {
    expect(await refusal("black.png", await flat(320, 240, 0).png().toBuffer())).toBe(
      "is blank: all its pixels have level 0",
    );
    expect(await refusal("white.jpg", await flat(320, 240, 255).jpeg().toBuffer())).toBe(
      "is blank: all its pixels have level 255",
    );
    expect(await refusal("one.png", await flat(1, 1, 90).png().toBuffer())).toBe(
      "is too small: 1x1 pixels; each side needs at least 16",
    );
    const few = Uint16Array.from({ length: 76800 }, (_, i) => i % 4);
    const deep = sharp(few, { raw: { width: 320, height: 240, channels: 1 } }).toColourspace("grey16");
    expect(await refusal("deep.png", await deep.png().toBuffer())).toBe("is blank: all its pixels have levels 0 to 3");
  });

  test("a panel that was taken for tissue is one too", async () => {
    const panel = Uint8Array.from({ length: 76800 }, (_, i) => {
      const [x, y] = [i % 320, Math.floor(i / 320)];
      if (x > 40 && x < 260 && y > 40 && y < 200) return 120;
      return x > 290 && y < 30 ? (x * y) % 256 : 0;
    });
    writeFileSync(at("panel.png"), await encode({ width: 320, height: 240, grey: panel }).png().toBuffer());
    const prepared = prepareImage(at("panel.png"), { ...size, crop: "fixed" });
    await expect(prepared).rejects.toThrow(/: the part taken as tissue is blank: its pixels have only 2 levels/);
  });

  test.each(["png", "jpg", "webp", "tif", "gif", "bmp"])(
    "one of more pixels than are read is refused before memory is taken for it (%s)",
    async (format) => {
      const before = process.memoryUsage().rss;
      expect(await refusal(`huge.${format}`, await huge(format))).toMatch(
        /too large|exceeds pixel limit|Maximum supported image dimension/,
      );
      expect(process.memoryUsage().rss - before).toBeLessThan(200e6);
    },
  );
});

/** A small file whose header claims 65535 x 65535, or the most that its format can say. */
async function huge(format: string): Promise<Uint8Array> {
  const image = encode(ultrasound(1)).toColourspace("b-w");
  if (format === "tif") return tiff({ ...ultrasound(1), claimed: { width: 65535, height: 65535 } });
  if (format === "bmp") {
    const bytes = readFileSync(`${cases}raster/bmp.bmp`);
    bytes.writeInt32LE(65535, 18);
    bytes.writeInt32LE(-65535, 22);
    return bytes;
  }
  const bytes = await image.toFormat(format as "png").toBuffer();
  if (format === "png") {
    bytes.writeUInt32BE(65535, 16);
    bytes.writeUInt32BE(65535, 20);
    bytes.writeUInt32BE(crcOf(bytes.subarray(12, 29)), 29);
  } else if (format === "jpg") {
    bytes.writeUInt32BE(0xffffffff, bytes.indexOf(Buffer.of(0xff, 0xc0)) + 5);
  } else if (format === "gif") {
    bytes.writeUInt32LE(0xffffffff, 6);
    const frame = bytes.indexOf(Buffer.of(0x2c, 0, 0, 0, 0));
    bytes.writeUInt32LE(0xffffffff, frame + 5);
  } else {
    // VP8's frame header: a start code, then two sizes of 14 bits.
    bytes.writeUInt32LE(0x3fff3fff, bytes.indexOf(Buffer.of(0x9d, 0x01, 0x2a)) + 3);
  }
  return bytes;
}
