/** Writes 8-bit pictures as PNG: for decoders that must be given a file, and for pages. */
import { zlibSync } from "fflate";
import type { Size } from "../annotation-frame.ts";
import { joined } from "../bytes.ts";
import { crcOf } from "./png.ts";

/**
 * @param pixels of 1 channel (grey) or 3 (red, green, blue), interleaved
 * @param options.profile the content of an iCCP chunk
 * @param options.level of compression, 0 to 9; by default none, for decoders that must be given a file
 */
export function writePng(
  { width, height }: Size,
  pixels: Uint8Array,
  { profile, level = 0 }: { profile?: Uint8Array; level?: 0 | 6 } = {},
): Uint8Array<ArrayBuffer> {
  const row = pixels.length / height;
  const lines = new Uint8Array((row + 1) * height);
  for (let y = 0; y < height; y++) lines.set(pixels.subarray(y * row, (y + 1) * row), y * (row + 1) + 1);
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, row === width ? 0 : 2], 8);
  const parts = [
    Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10),
    chunk("IHDR", header),
    ...(profile ? [chunk("iCCP", profile)] : []),
    chunk("IDAT", zlibSync(lines, { level })),
    chunk("IEND", new Uint8Array()),
  ];
  return joined(parts);
}

/** The content of an iCCP chunk: a name, the method, the profile. */
export function profileChunk(profile: Uint8Array): Uint8Array {
  const deflated = zlibSync(profile, { level: 1 });
  const out = new Uint8Array(3 + deflated.length);
  out[0] = "p".charCodeAt(0);
  out.set(deflated, 3);
  return out;
}

function chunk(name: string, content: Uint8Array): Uint8Array {
  const out = new Uint8Array(12 + content.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, content.length);
  for (let i = 0; i < 4; i++) out[4 + i] = name.charCodeAt(i);
  out.set(content, 8);
  view.setUint32(8 + content.length, crcOf(out.subarray(4, 8 + content.length)));
  return out;
}
