/** Picture files as a page opens them, with Node's decoders. */
import type { PictureFile } from "../../src/data/pictures/picture-file.ts";
import { decodeLevels, greyOf, openPictures } from "../../src/node/data/decode.ts";

export async function openOnNode(bytes: Uint8Array): Promise<PictureFile> {
  const pictures = await openPictures(bytes);
  const sizes = new Map<number, Awaited<ReturnType<typeof pictures.size>>>();
  for (const frame of pictures.frames) sizes.set(frame, await pictures.size(frame));
  return {
    frames: pictures.frames,
    size: (frame) => sizes.get(frame)!,
    grey: async (frame) => greyOf(await pictures.render(frame)),
    levels: (frame) => decodeLevels({ bytes, file: "picture", frame }),
    colours: () => Promise.reject(new Error("no test needs the colours")),
  };
}
