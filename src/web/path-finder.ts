/** Resolves paths in a manifest among the files that a page was given. */
import { DRIVE, FRAME, normalName, tidy } from "../data/layouts/names.ts";
import type { PathFinder } from "../data/layouts/set-files.ts";
import { DataError } from "../data/sample.ts";

export class DroppedPathFinder implements PathFinder {
  readonly #files: ReadonlySet<string>;
  readonly #full: (name: string) => string;
  /** Names under their NFC form. */
  readonly #byForm = new Map<string, string[]>();

  /**
   * @param files names in the set's folder
   * @param full a name as messages have it
   */
  constructor(files: ReadonlySet<string>, full: (name: string) => string) {
    this.#files = files;
    this.#full = full;
    for (const name of files) {
      const form = name.normalize("NFC");
      this.#byForm.set(form, [...(this.#byForm.get(form) ?? []), name]);
    }
  }

  /** @throws DataError for a path that leads out of the folder: a page has no other files */
  find(name: string): Promise<string> {
    return Promise.resolve().then(() => this.#find(name));
  }

  #find(name: string): string {
    const said = normalName(name);
    if (this.#files.has(said)) return this.#full(said);
    const frame = FRAME.exec(name)?.[0] ?? "";
    const bare = name.slice(0, name.length - frame.length);
    for (const form of new Set([bare, bare.replaceAll("\\", "/")].map(normalName))) {
      const found = this.#files.has(form) ? form : this.#ofForm(form);
      if (found !== undefined) return this.#full(found) + frame;
    }
    if (DRIVE.test(name) || /^(?:\.\.)?\//.test(tidy(name))) {
      throw new DataError("lies outside the folder, of which a page reads no file: write it relative to the manifest");
    }
    return this.#full(said);
  }

  /** The only file with the same path in NFC; undefined if there is none. */
  #ofForm(name: string): string | undefined {
    const names = this.#byForm.get(name.normalize("NFC")) ?? [];
    return names.length === 1 ? names[0] : undefined;
  }

  /** Nothing lies outside, and links are not seen. */
  notes(): string[] {
    return [];
  }
}
