/** JPEG by the browser's decoder, after a check that the file is whole: browsers fill what is missing with grey. */
import { joined } from "../../data/bytes.ts";
import { turnUpright } from "../../data/pictures/exif.ts";
import { readJpeg } from "../../data/pictures/jpeg.ts";
import type { Levels } from "../../data/grey-image.ts";
import type { TiffImage } from "../../data/pictures/tiff-image.ts";
import { decodeByBrowser } from "./canvas.ts";
import { toSrgb } from "./profile.ts";

type Header = ReturnType<typeof readJpeg>;

/** @throws DataError without the file's name */
export async function decodeJpeg(bytes: Uint8Array, header: Header): Promise<Levels> {
  // Not all browsers turn a picture by its EXIF orientation, so none gets to see it.
  const blind = new Uint8Array(bytes);
  for (const part of header.exif)
    blind.fill(0, part.byteOffset - bytes.byteOffset, part.byteOffset - bytes.byteOffset + 4);
  const levels = withoutAlpha(await decodeByBrowser(blind, { type: "image/jpeg", size: header }));
  const rgb = await toSrgb(header, levels, 3, { profile: header.profile, grey: header.components === 1 });
  const { width, height } = header.orientation >= 5 ? { width: header.height, height: header.width } : header;
  return { width, height, channels: 3, levels: turnUpright(rgb, header, 3, header.orientation) };
}

export function withoutAlpha(rgba: Uint8ClampedArray | Uint8Array): Uint8Array {
  const rgb = new Uint8Array((3 * rgba.length) / 4);
  for (let from = 0, to = 0; from < rgba.length; from += 4) {
    rgb[to++] = rgba[from]!;
    rgb[to++] = rgba[from + 1]!;
    rgb[to++] = rgba[from + 2]!;
  }
  return rgb;
}

/** Adobe's marker, which says whether the colours are red, green and blue (0) or luma and chroma (1). */
const adobe = (transform: number) =>
  Uint8Array.of(0xff, 0xee, 0, 14, ...Array.from("Adobe", (c) => c.charCodeAt(0)), 0, 100, 0, 0, 0, 0, transform);

/** A block of a TIFF page, which may share its tables with the others. */
export async function decodeTiffJpeg(block: Uint8Array, { jpegTables, samples, photometric }: TiffImage) {
  // Tables come between a begin and an end marker of their own.
  const tables = jpegTables?.subarray(2, -2) ?? new Uint8Array();
  const colours = samples === 3 ? [adobe(photometric === 6 ? 1 : 0)] : [];
  const file = joined([block.subarray(0, 2), tables, ...colours, block.subarray(2)]);
  const header = readJpeg(file);
  const { levels, width, height } = await decodeJpeg(file, { ...header, orientation: 1, profile: undefined });
  const grey = samples === 1;
  return { width, height, samples: (grey ? levels.filter((_, i) => i % 3 === 0) : levels) as Uint8Array };
}
