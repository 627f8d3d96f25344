/** Looks up files by name without extension, to pair images with masks and annotations. */
import { DataError } from "../sample.ts";
import { bareOf, baseOf } from "./names.ts";

/** File names of images. */
export const IMAGE_FILE = /\.(?:jpe?g|png|bmp|tiff?|webp|gif|dcm|dicom)$/i;

export const stemOf = (file: string): string => bareOf(file).normalize("NFC");

/** Maps stems to files. Never picks arbitrarily between two files with the same stem. */
export class Stems {
  readonly #byStem = new Map<string, string[]>();
  readonly #byLowerCase = new Map<string, string[]>();

  /** @param files names, possibly with folders */
  constructor(files: readonly string[]) {
    for (const file of files) {
      const stem = stemOf(file);
      for (const [map, key] of [
        [this.#byStem, stem],
        [this.#byLowerCase, stem.toLowerCase()],
      ] as const) {
        const others = map.get(key);
        if (others) others.push(file);
        else map.set(key, [file]);
      }
    }
  }

  /** The files of a stem; if there are none, those whose stem differs only in case. */
  all(stem: string): readonly string[] {
    const form = stem.normalize("NFC");
    return this.#byStem.get(form) ?? this.#byLowerCase.get(form.toLowerCase()) ?? [];
  }

  has(stem: string): boolean {
    return this.all(stem).length > 0;
  }

  /** The file of a stem; undefined if there is none. @throws DataError listing them if there are several */
  get(stem: string): string | undefined {
    const files = this.all(stem);
    if (files.length > 1) throw new DataError(`${files.length} files have this name: ${files.join(", ")}`);
    return files[0];
  }

  /** Every file with its stem. */
  *[Symbol.iterator](): Generator<[stem: string, file: string]> {
    for (const [stem, files] of this.#byStem) for (const file of files) yield [stem, file];
  }
}

/** Stems of the names with an image extension. */
export const imagesByStem = (names: readonly string[]): Stems => new Stems(names.filter((n) => IMAGE_FILE.test(n)));

/**
 * The image of an annotation that may name it: the name decides between several with the annotation's stem, and counts alone if
 * there is none. Folders and case are ignored, as is a name that no image here has.
 *
 * @param named as in the annotation, such as "C:\images\1.JPG"
 * @throws DataError if there is no image, several remain, or the name is another image's
 */
export function imageOf(images: Stems, stem: string, named: string | undefined): string {
  const files = images.all(stem);
  const wanted = named?.split(/[\\/]/).at(-1)?.trim().normalize("NFC") ?? "";
  const lower = (file: string) => baseOf(file).normalize("NFC").toLowerCase();
  const same = (pool: readonly string[]) => {
    const exact = pool.filter((file) => baseOf(file).normalize("NFC") === wanted);
    return exact.length > 0 ? exact : pool.filter((file) => lower(file) === wanted.toLowerCase());
  };
  const own = same(files);
  if (own.length === 1) return own[0]!;
  const others = wanted === "" ? [] : same(images.all(bareOf(wanted)));
  if (files.length === 0) {
    if (others.length === 1) return others[0]!;
    throw new DataError("its image is missing");
  }
  if (files.length > 1) {
    const what = wanted === "" ? "it names none" : `it names ${wanted.slice(0, 60)}`;
    throw new DataError(`${files.length} images have its name, ${files.join(", ")}, and ${what}`);
  }
  if (others.length > 0) {
    throw new DataError(
      `its name is that of ${files[0]}, but it says that it is of ${others[0]}: which one is meant is unclear`,
    );
  }
  return files[0]!;
}
