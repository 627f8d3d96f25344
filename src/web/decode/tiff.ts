/** TIFF files in a browser, which decodes none: src/data/pictures reads them; JPEG within them is the browser's. */
import { deepProfile } from "../../data/pictures/deep.ts";
import { orientationOf, turnUpright, uprightSize } from "../../data/pictures/exif.ts";
import { MAX_FRAMES } from "../../data/pictures/limits.ts";
import type { PictureFile } from "../../data/pictures/picture-file.ts";
import { type Frame, pictureFile } from "../../data/pictures/shown.ts";
import { PHOTOMETRIC, badTiff, tiffImage } from "../../data/pictures/tiff-image.ts";
import { copiesNote, framesOfPages } from "../../data/pictures/tiff-pages.ts";
import { decodeTiff } from "../../data/pictures/tiff-pixels.ts";
import { countTiffPages, tiffTags } from "../../data/pictures/tiff.ts";
import { DataError } from "../../data/sample.ts";
import { decodeTiffJpeg } from "./jpeg.ts";
import { toSrgb } from "./profile.ts";

const [WIDTH, HEIGHT, ORIENTATION] = [256, 257, 274];

/** @throws DataError without the file's name */
export function openTiff(bytes: Uint8Array): PictureFile {
  const count = countTiffPages(bytes, MAX_FRAMES);
  if (count === undefined || count === 0) throw badTiff("it is cut off or damaged");
  if (count > MAX_FRAMES) throw new DataError(`has more than ${MAX_FRAMES} frames`);
  const sizes = (tiffTags(bytes, [WIDTH, HEIGHT, ORIENTATION], count) ?? []).map((tags) => ({
    width: tags.get(WIDTH) ?? 0,
    height: tags.get(HEIGHT) ?? 0,
    orientation: orientationOf(tags.get(ORIENTATION)),
  }));
  const frames = framesOfPages(sizes);
  // What cannot be read is refused when it is opened, as far as the headers show it.
  tiffImage(bytes, frames[0]!);
  return pictureFile(
    frames,
    (frame) => uprightSize(sizes[frame - 1]!, sizes[frame - 1]!.orientation),
    async (frame): Promise<Frame> => {
      const read = await decodePage(bytes, frame);
      return frames.length < count ? { ...read, note: copiesNote(count, frame) } : read;
    },
  );
}

async function decodePage(bytes: Uint8Array, page: number): Promise<Frame> {
  const image = tiffImage(bytes, page);
  const { orientation, profile, photometric } = image;
  const read = await decodeTiff(bytes, image, decodeTiffJpeg);
  const { channels } = read;
  let { levels } = read;
  const grey = photometric === PHOTOMETRIC.whiteIsZero || photometric === PHOTOMETRIC.blackIsZero;
  if (levels instanceof Uint8Array) {
    levels = await toSrgb(image, levels, channels as 3 | 4, { profile, grey });
  } else if (profile && !grey) throw deepProfile("TIFF");
  const { width, height } = uprightSize(image, orientation);
  const upright = turnUpright(levels, image, channels, orientation);
  return { width, height, channels, levels: upright, whiteIsZero: photometric === PHOTOMETRIC.whiteIsZero };
}
