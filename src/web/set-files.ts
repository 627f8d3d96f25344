/** A set's files as a page has them: dropped, or chosen in an <input webkitdirectory>. */
import type { PictureSize } from "../data/annotation-frame.ts";
import { BEGINNING_BYTES, MOST_BYTES, requireBytes, tooLong } from "../data/file-sizes.ts";
import type { Levels } from "../data/grey-image.ts";
import { baseOf, nameIn, normalName } from "../data/layouts/names.ts";
import { IMAGE_FILE } from "../data/layouts/stems.ts";
import type { Listing, MaskReader, PathFinder, SetFiles } from "../data/layouts/set-files.ts";
import { maskContent, maskPixels } from "../data/masks/content.ts";
import type { MaskPixels } from "../data/masks/field.ts";
import type { MaskReading } from "../data/masks/levels.ts";
import { frameOf, type PictureName } from "../data/picture-name.ts";
import { DataError, reasonOf } from "../data/sample.ts";
import { decodeText } from "../data/text.ts";
import { DroppedPathFinder } from "./path-finder.ts";

/** A file, and its path with slashes, as in `webkitRelativePath` or `FileSystemEntry.fullPath`. */
export interface FileEntry {
  path: string;
  file: Blob;
}

/**
 * How a picture's bytes are read. `picture` is its file, without folders, and the frame that was named; one of several frames
 * must be named (`frameAmong` in src/data/picture-name.ts).
 */
export interface PictureDecoders {
  /** The size as viewers show it. @throws DataError without the file's name */
  imageSize(bytes: Uint8Array, picture: PictureName): Promise<PictureSize>;
  /** The file's own numbers, upright. @throws DataError without the file's name, also for a damaged or truncated file */
  decodeLevels(bytes: Uint8Array, picture: PictureName): Promise<Levels>;
}

/** What messages call a set that is not one folder. */
const LOOSE = "the chosen files";

const FOLDER = "is a folder, not a file";

/**
 * Files with paths. If all lie in one folder, it is the set's folder, and messages begin with its name; otherwise the set's
 * folder is where they lie together, which has no name.
 */
export class DroppedFiles implements SetFiles {
  readonly called: string;
  /** The set's folder with a slash at its end; "" if it has no name. */
  readonly #root: string;
  readonly #files = new Map<string, Blob>();
  readonly #folders = new Map<string, Listing>();
  readonly #decoders: PictureDecoders;

  /** @throws DataError for two files with the same path, as of two folders that have the same name */
  constructor(entries: readonly FileEntry[], decoders: PictureDecoders) {
    this.#decoders = decoders;
    const all = entries.map(({ path, file }) => ({ path: normalName(path.replace(/^\/+/, "")), file }));
    this.#root = commonFolder(all.map(({ path }) => path));
    this.called = this.#root === "" ? LOOSE : this.#root.slice(0, -1);
    this.#folders.set("", { files: [], folders: [] });
    for (const { path, file } of all) {
      const name = path.slice(this.#root.length);
      if (this.#files.has(name)) throw new DataError(`${path}: two files have this path`);
      this.#files.set(name, file);
      this.#enter(name);
    }
    for (const { files, folders } of this.#folders.values()) for (const names of [files, folders]) names.sort();
  }

  full(name: string): string {
    return name === "" ? this.called : normalName(`${this.#root}${name}`);
  }

  /** The name in the set's folder of a file with this full name. @throws DataError if it lies elsewhere */
  inside(full: string): string {
    if (!full.startsWith(this.#root)) throw new DataError("there is no such file");
    return full.slice(this.#root.length);
  }

  /** The names in the set of all pictures, by their extensions, in order; hidden ones are not among them. */
  pictures(): string[] {
    const names = [...this.#folders].flatMap(([folder, { files }]) => files.map((file) => nameIn(folder, file)));
    return names.filter((name) => IMAGE_FILE.test(name)).sort();
  }

  /** Hidden files, which begin with a dot, are in no listing, but may be named. */
  list(folder: string): Promise<Listing> {
    const name = inside(folder);
    const listing = this.#folders.get(name);
    if (listing) return Promise.resolve({ files: [...listing.files], folders: [...listing.folders] });
    const why = this.#files.has(name) ? "this is a file, not a folder" : "there is no such folder";
    return Promise.reject(new DataError(`${this.full(folder)}: ${why}`));
  }

  async text(name: string, most?: number): Promise<string> {
    const file = this.#blob(inside(name), most === undefined ? FOLDER : "is not a regular file");
    if (most !== undefined) requireBytes(file.size, most);
    else if (file.size > MOST_BYTES.text) throw new DataError(tooLong(file.size, MOST_BYTES.text));
    return decodeText(await bytesOf(file));
  }

  async beginning(name: string): Promise<string> {
    const file = this.#files.get(inside(name));
    if (!file) return "";
    const bytes = await bytesOf(file.slice(0, BEGINNING_BYTES)).catch(() => new Uint8Array());
    return new TextDecoder().decode(bytes);
  }

  /** The bytes of a picture, and the frame that its name denotes. @throws DataError without the file's name */
  async readImage(file: string): Promise<{ bytes: Uint8Array; picture: PictureName }> {
    const name = this.inside(file);
    const named: PictureName = this.#files.has(name) ? { file: name } : (frameOf(name) ?? { file: name });
    const blob = this.#blob(named.file, `cannot be read: ${FOLDER}`);
    if (blob.size > MOST_BYTES.image) throw new DataError(`cannot be read: ${tooLong(blob.size, MOST_BYTES.image)}`);
    return { bytes: await bytesOf(blob), picture: { ...named, file: baseOf(named.file) } };
  }

  async imageSize(file: string): Promise<PictureSize> {
    const { bytes, picture } = await this.readImage(file);
    return this.#decoders.imageSize(bytes, picture);
  }

  async decodeMask(file: string): Promise<MaskPixels> {
    const { bytes, picture } = await this.readImage(file);
    return maskPixels(await this.#decoders.decodeLevels(bytes, picture), bytes);
  }

  maskReader(reading: MaskReading): MaskReader {
    return {
      read: async (file) => maskContent(await this.decodeMask(file), reading),
      close: () => Promise.resolve(),
    };
  }

  finder(): PathFinder {
    return new DroppedPathFinder(new Set(this.#files.keys()), (name) => this.full(name));
  }

  /** A page is given what links lead to, and does not see them. */
  elsewhere(): Promise<string[]> {
    return Promise.resolve([]);
  }

  /** @param ofFolder what to say of a folder */
  #blob(name: string, ofFolder: string): Blob {
    const file = this.#files.get(name);
    if (file) return file;
    throw new DataError(this.#folders.has(name) ? ofFolder : "there is no such file");
  }

  /** Lists a file and the folders that it lies in, up to the first hidden one. */
  #enter(name: string): void {
    let folder = "";
    for (const part of name.split("/")) {
      if (part.startsWith(".")) return;
      const listing = this.#folders.get(folder)!;
      const inner = nameIn(folder, part);
      if (inner.length === name.length) listing.files.push(part);
      else if (!this.#folders.has(inner)) {
        listing.folders.push(part);
        this.#folders.set(inner, { files: [], folders: [] });
      }
      folder = inner;
    }
  }
}

/** The first folder of all paths with a slash at its end; "" unless all lie in it. */
function commonFolder([first = "", ...others]: readonly string[]): string {
  const folder = first.slice(0, first.indexOf("/") + 1);
  return others.every((path) => path.startsWith(folder)) ? folder : "";
}

/** The form of a name in the maps. */
function inside(name: string): string {
  const normal = normalName(name).replace(/\/$/, "");
  return normal === "." ? "" : normal;
}

/** @throws DataError for a file that has changed or gone since it was chosen, or may not be read */
async function bytesOf(file: Blob): Promise<Uint8Array> {
  try {
    return new Uint8Array(await file.arrayBuffer());
  } catch (error) {
    throw new DataError(`cannot be read: ${reasonOf(error)}`);
  }
}
