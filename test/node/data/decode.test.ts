import { writeFileSync } from "node:fs";
import path from "node:path";
import sharp, { type Sharp } from "sharp";
import { describe, expect, test } from "vitest";
import { DataError } from "../../../src/data/sample.ts";
import { decodeGrey, imageSize } from "../../../src/node/data/decode.ts";
import { encode, temporaryFolder, ultrasound } from "./images.ts";

const levels = [0, 1, 17, 128, 200, 254, 255];
const raw = (data: Uint8Array | Uint16Array, channels: 1 | 2 | 3 | 4) =>
  sharp(data, { raw: { width: data.length / channels, height: 1, channels } });
const decoded = async (image: Sharp) => [...(await decodeGrey(await image.toBuffer())).grey];

describe("decoding to grey", () => {
  test("keeps the levels of a grey image, saved as grey or as colour", async () => {
    const grey = Uint8Array.from(levels);
    expect(await decoded(raw(grey, 1).toColourspace("b-w").png())).toEqual(levels);
    expect(await decoded(raw(grey, 1).toColourspace("srgb").png())).toEqual(levels);
    const every = Array.from({ length: 256 }, (_, i) => i);
    expect(await decoded(raw(Uint8Array.from(every), 1).png())).toEqual(every);
  });

  test("weighs colours as luma of BT.601", async () => {
    const colours = Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 0);
    expect(await decoded(raw(colours, 3).png())).toEqual([76, 150, 29, 226]);
    expect(await decoded(raw(colours, 3).png({ palette: true }))).toEqual([76, 150, 29, 226]);
  });

  test("scales 16 bits to 8", async () => {
    const wide = Uint16Array.from([0, 256, 32768, 40000, 65279, 65535]);
    const grey = raw(wide, 1).toColourspace("grey16").png();
    const colour = raw(Uint16Array.from([...wide].flatMap((v) => [v, v, v])), 3)
      .toColourspace("rgb16")
      .png();
    expect((await sharp(await grey.toBuffer()).metadata()).depth).toBe("ushort");
    expect((await sharp(await colour.toBuffer()).metadata()).depth).toBe("ushort");
    for (const image of [grey, colour]) {
      (await decoded(image)).forEach((level, i) => expect(Math.abs(level - wide[i]! / 257)).toBeLessThanOrEqual(1));
    }
  });

  test("reads 1 bit a pixel as black and white", async () => {
    const bits = Uint8Array.of(0, 255, 255, 0, 255, 0, 0, 255);
    const png = await raw(bits, 1).toColourspace("b-w").png({ palette: true, colours: 2 }).toBuffer();
    expect(png[24]).toBe(1); // the header's bit depth
    expect([...(await decodeGrey(png)).grey]).toEqual([...bits]);
  });

  test("puts transparent pixels on black", async () => {
    const half = await decoded(raw(Uint8Array.of(200, 255, 200, 0), 2).png());
    expect(half).toEqual([200, 0]);
    expect(await decoded(raw(Uint8Array.of(200, 200, 200, 255, 9, 9, 9, 0), 4).png())).toEqual([200, 0]);
  });

  test("turns the picture as its EXIF orientation says, as viewers do", async () => {
    const bytes = await encode(ultrasound(1)).jpeg().withMetadata({ orientation: 6 }).toBuffer();
    expect(await decodeGrey(bytes)).toMatchObject({ width: 240, height: 320 });
  });
});

describe("an image that is not sound", async () => {
  const jpeg = await encode(ultrasound(1)).jpeg().toBuffer();
  const png = await encode(ultrasound(1)).png().toBuffer();
  const gif = await encode(ultrasound(1)).gif().toBuffer();
  const damaged = (bytes: Buffer) =>
    Uint8Array.from(bytes, (byte, i) => (i > 700 && i % 50 === 0 ? byte ^ 0x55 : byte));
  test.each<[string, Uint8Array]>([
    ["an empty file", new Uint8Array()],
    ["no image at all", new TextEncoder().encode("<case></case>")],
    ["a JPEG cut off", jpeg.subarray(0, jpeg.length >> 1)],
    ["a JPEG's header alone", jpeg.subarray(0, 30)],
    ["a PNG cut off", png.subarray(0, png.length >> 1)],
    ["a GIF cut off", gif.subarray(0, gif.length >> 1)],
    ["a GIF without its end", gif.subarray(0, -1)],
    ["a damaged JPEG", damaged(jpeg)],
    ["a damaged PNG", damaged(png)],
  ])("(%s) is refused, on one line", async (_, bytes) => {
    const error: unknown = await decodeGrey(bytes).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(DataError);
    expect((error as Error).message).toMatch(/^is not a readable image: [^\n]{3,250}$/);
  });
});

test("the size comes from the header", async () => {
  const dir = temporaryFolder();
  const file = path.join(dir, "a.png");
  writeFileSync(file, await encode(ultrasound(1)).png().toBuffer());
  expect(await imageSize(file)).toEqual({ width: 320, height: 240 });
  await expect(imageSize(path.join(dir, "b.png"))).rejects.toThrow(DataError);
});
