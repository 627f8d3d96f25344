/** Resolves paths in a manifest on disk: relative to its folder or absolute, with slashes or backslashes, in any Unicode form. */
import { readdir, realpath, stat } from "node:fs/promises";
import path from "node:path";
import { DRIVE, FRAME } from "../../data/layouts/names.ts";
import type { PathFinder } from "../../data/layouts/set-files.ts";
import { DataError } from "../../data/sample.ts";

/** Finds the files that names refer to, and counts those outside the folder or behind links. */
export class FolderPathFinder implements PathFinder {
  readonly #dir: string;
  /** Names in a folder under their NFC form. */
  readonly #listings = new Map<string, Promise<Map<string, string[]>>>();
  /** The folder itself may be a link. */
  #home: Promise<string> | undefined;
  readonly #outside = new Set<string>();
  readonly #linked = new Set<string>();

  readonly #counts: boolean;

  /** @param options.counts whether `notes` are wanted: their memory grows with the number of names */
  constructor(dir: string, { counts = true } = {}) {
    this.#dir = path.resolve(dir);
    this.#counts = counts;
  }

  /**
   * The path of the file; if it does not exist, the path as named, so that its reader reports it.
   *
   * @throws DataError for a path of another operating system
   */
  async find(name: string): Promise<string> {
    const said = path.resolve(this.#dir, name);
    const frame = FRAME.exec(name)?.[0] ?? "";
    const bare = name.slice(0, name.length - frame.length);
    if (frame !== "" && (await exists(said))) return this.#note(name, said);
    for (const form of new Set([bare, bare.replaceAll("\\", "/")])) {
      const found = await this.#lookUp(path.resolve(this.#dir, form));
      if (found !== undefined) return (await this.#note(name, found)) + frame;
    }
    if (DRIVE.test(name) && path.sep === "/") {
      throw new DataError("is a path on a Windows drive, which does not exist here: write it relative to the manifest");
    }
    return said;
  }

  /** One line about files outside the folder or behind symbolic links, which are all read; empty if there are none. */
  notes(): string[] {
    const parts = [part(this.#outside, "outside its folder"), part(this.#linked, "behind symbolic links")].filter(
      (text) => text !== "",
    );
    return parts.length > 0 ? [`files are read wherever they lie: ${parts.join("; ")}`] : [];
  }

  async #note(name: string, file: string): Promise<string> {
    if (!this.#counts) return file;
    const inside = path.relative(this.#dir, file);
    this.#home ??= realpath(this.#dir);
    if (inside.startsWith("..") || path.isAbsolute(inside)) this.#outside.add(name);
    else if ((await realpath(file)) !== path.join(await this.#home, inside)) this.#linked.add(name);
    return file;
  }

  /** The file, or the only one with the same path in NFC; undefined if there is none. */
  async #lookUp(file: string): Promise<string | undefined> {
    if (await exists(file)) return file;
    const parent = path.dirname(file);
    // ASCII names have only one form.
    if (parent === file || !/[^\0-\x7f]/.test(file)) return undefined;
    const folder = await this.#lookUp(parent);
    if (folder === undefined) return undefined;
    const listing = this.#listings.get(folder) ?? list(folder);
    this.#listings.set(folder, listing);
    const names = (await listing).get(path.basename(file).normalize("NFC")) ?? [];
    return names.length === 1 ? path.join(folder, names[0]!) : undefined;
  }
}

const part = (names: ReadonlySet<string>, where: string): string =>
  names.size === 0 ? "" : `${names.size} ${where}, the first ${[...names].sort()[0]!.slice(0, 200)}`;

const exists = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  );

async function list(folder: string): Promise<Map<string, string[]>> {
  const names = new Map<string, string[]>();
  for (const name of await readdir(folder).catch(() => [])) {
    const form = name.normalize("NFC");
    names.set(form, [...(names.get(form) ?? []), name]);
  }
  return names;
}
