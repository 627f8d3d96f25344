/** A set's files in a folder on disk. */
import { open, readdir, realpath, stat } from "node:fs/promises";
import path from "node:path";
import { BEGINNING_BYTES, requireBytes } from "../../data/file-sizes.ts";
import { FRAME } from "../../data/layouts/names.ts";
import type { Listing, SetFiles } from "../../data/layouts/set-files.ts";
import { DataError } from "../../data/sample.ts";
import { decodeText } from "../../data/text.ts";
import { MOST_BYTES, readRegular } from "../files.ts";
import { decodeMask } from "./decode-mask.ts";
import { imageSize } from "./decode.ts";
import { FolderPathFinder } from "./path-finder.ts";
import { ThreadedMaskReader } from "./read-mask.ts";

/**
 * The files of a set on disk. Full names are paths, as the folder was named.
 *
 * @param named what the user named: the folder, or with `isManifest` a manifest in it
 */
export function folderFiles(named: string, { isManifest = false } = {}): SetFiles {
  const dir = isManifest ? path.dirname(named) : named;
  const full = (name: string) => path.join(dir, name);
  return {
    called: named,
    ...(isManifest ? { manifest: path.basename(named) } : {}),
    full,
    list: (folder) => listFolder(folder === "" ? dir : full(folder)),
    text: (name, most) => (most === undefined ? wholeText(full(name)) : boundedText(full(name), most)),
    beginning: (name) => beginningOf(full(name)),
    imageSize,
    decodeMask,
    maskReader: (reading, images) => new ThreadedMaskReader(reading, images),
    finder: () => new FolderPathFinder(dir),
    elsewhere: (files) => linkedAway(files, dir),
  };
}

/**
 * The names in a folder, in code point order. Symbolic links count as their targets, except a link to a folder that contains
 * it, which would recurse forever.
 *
 * @throws DataError for a folder that is missing or cannot be read
 */
export async function listFolder(dir: string): Promise<Listing> {
  const entries = await readdir(dir, { withFileTypes: true }).catch((thrown: unknown) => {
    const error = thrown as NodeJS.ErrnoException;
    const reasons: Record<string, string> = {
      ENOENT: "there is no such folder",
      ENOTDIR: "this is a file, not a folder",
      EACCES: "no permission to read the folder",
    };
    throw new DataError(`${dir}: ${reasons[error.code ?? ""] ?? error.message}`);
  });
  const listing: Listing = { files: [], folders: [] };
  for (const entry of entries) {
    if (entry.name.startsWith(".")) continue;
    const file = path.join(dir, entry.name);
    if (!entry.isSymbolicLink()) (entry.isDirectory() ? listing.folders : listing.files).push(entry.name);
    else if (!(await isFolder(file))) listing.files.push(entry.name);
    else if (!isWithin(await realpath(dir), await realpath(file))) listing.folders.push(entry.name);
  }
  return { files: listing.files.sort(), folders: listing.folders.sort() };
}

const isFolder = async (file: string): Promise<boolean> =>
  (await stat(file).catch(() => undefined))?.isDirectory() ?? false;

const isWithin = (inner: string, outer: string): boolean => {
  const way = path.relative(outer, inner);
  return way !== ".." && !way.startsWith(`..${path.sep}`) && !path.isAbsolute(way);
};

/** @throws DataError or the system's error, without the file's name */
const wholeText = async (file: string): Promise<string> => decodeText(await readRegular(file, MOST_BYTES.text));

/** @throws DataError, without the file's name, for a file that is missing, not regular, too large, or not text */
async function boundedText(file: string, most: number): Promise<string> {
  const found = await stat(file).catch(() => undefined);
  if (!found) throw new DataError("there is no such file");
  if (!found.isFile()) throw new DataError("is not a regular file");
  requireBytes(found.size, most);
  // Checked again on opening: it may have become a pipe, or grown.
  return decodeText(await readRegular(file, most));
}

/** The beginning of a file; "" if it is missing, not regular, or unreadable. */
async function beginningOf(file: string): Promise<string> {
  try {
    // Checked first: opening a pipe would wait for a writer.
    if (!(await stat(file)).isFile()) return "";
    const handle = await open(file);
    try {
      const bytes = new Uint8Array(BEGINNING_BYTES);
      const { bytesRead } = await handle.read(bytes, 0, BEGINNING_BYTES, 0);
      return new TextDecoder().decode(bytes.subarray(0, bytesRead));
    } finally {
      await handle.close();
    }
  } catch {
    return "";
  }
}

/** The files that lie outside the folder, behind symbolic links. */
async function linkedAway(files: readonly string[], dir: string): Promise<string[]> {
  const home = await realpath(dir);
  const away: string[] = [];
  for (const file of files) {
    const real = await realpath(file.replace(FRAME, "")).catch(() => undefined);
    if (real !== undefined && !isWithin(real, home)) away.push(file);
  }
  return away;
}
