/** The number of pages of a TIFF file, from its directories alone. */
import { expect, test } from "vitest";
import { openPictures } from "../../../src/node/data/decode.ts";
import { countTiffPages } from "../../../src/data/pictures/tiff.ts";
import { tiff } from "./tiff-files.ts";

const page = { width: 8, height: 8, grey: Uint8Array.from({ length: 64 }, (_, i) => 4 * i) };

/** A file of nothing but directories, without entries, one leading to the next. */
function directories(count: number): Buffer {
  const bytes = Buffer.alloc(8 + 6 * count);
  bytes.write("II*\0", "latin1");
  bytes.writeUInt32LE(8, 4);
  for (let i = 0; i < count - 1; i++) bytes.writeUInt32LE(8 + 6 * (i + 1), 8 + 6 * i + 2);
  return bytes;
}

/** A BigTIFF file of big-endian numbers with two directories of one entry. */
function big(): Buffer {
  const bytes = Buffer.alloc(16 + 2 * 36);
  bytes.write("MM\0+\0\u0008\0\0", "latin1");
  bytes.writeBigUInt64BE(16n, 8);
  for (const [at, next] of [
    [16, 52n],
    [52, 0n],
  ] as const) {
    bytes.writeBigUInt64BE(1n, at);
    bytes.writeBigUInt64BE(next, at + 28);
  }
  return bytes;
}

const loop = (): Buffer => {
  const bytes = directories(2);
  bytes.writeUInt32LE(8, 16);
  return bytes;
};

test.each([
  ["one", tiff(page), 1],
  ["three", tiff(page, page, page), 3],
  ["a million", directories(1e6), 101],
  ["a chain that leads back", loop(), 101],
  ["BigTIFF, big-endian", big(), 2],
  ["cut off", tiff(page).subarray(0, 80), undefined],
  ["no TIFF", Buffer.from("GIF89a and much more text"), undefined],
])("%s", (_, bytes, pages) => expect(countTiffPages(bytes, 100)).toBe(pages));

test("a file of a million pages is refused without reading each of them", async () => {
  await expect(openPictures(directories(1e6))).rejects.toThrow(/^has more than 100000 frames$/);
});
