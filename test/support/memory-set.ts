/** A set's files in memory, as a page has them, with Node's decoders. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { decodeLevels, openPictures } from "../../src/node/data/decode.ts";
import { chooseFrame } from "../../src/node/data/picture-file.ts";
import { DroppedFiles, type PictureDecoders } from "../../src/web/set-files.ts";

const onNode: PictureDecoders = {
  async imageSize(bytes, picture) {
    const pictures = await openPictures(bytes);
    return pictures.size(chooseFrame(pictures.frames, picture));
  },
  decodeLevels: (bytes, picture) => decodeLevels({ bytes, ...picture }),
};

/** @param files content by path */
export const memorySet = (
  files: Readonly<Record<string, string | Uint8Array<ArrayBuffer> | Blob>>,
  decoders = onNode,
): DroppedFiles =>
  new DroppedFiles(
    Object.entries(files).map(([name, content]) => ({
      path: name,
      file: content instanceof Blob ? content : new Blob([content]),
    })),
    decoders,
  );

/** The files below a folder, under paths that begin with its own name. */
export function filesBelow(dir: string): Record<string, Uint8Array<ArrayBuffer>> {
  const names = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    names.map((entry) => {
      const file = path.join(entry.parentPath, entry.name);
      return [path.relative(path.dirname(dir), file).replaceAll("\\", "/"), new Uint8Array(readFileSync(file))];
    }),
  );
}
