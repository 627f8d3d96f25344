/** Puts a data set together, image by image. */
import path from "node:path";
import { DataError, type Dataset, reasonOf, type Sample } from "../../../data/sample.ts";
import { decodeText } from "../../../data/text.ts";
import { MOST_BYTES, readRegular } from "../../files.ts";
import type { ReadOptions } from "./layout.ts";

/** Files read at a time: enough to keep the decoding threads busy. */
const AT_A_TIME = 8;

/** What reading one image gives: a sample with what was changed in it, or nothing because it was left out. */
export interface Remarks {
  /** Something was changed in a sample that is kept. */
  note(text: string): void;
}

export class Collector {
  readonly dataset: Dataset;
  readonly #dir: string;
  readonly #signal: AbortSignal | undefined;

  constructor(name: string, dir: string, { signal }: ReadOptions) {
    this.dataset = { name, samples: [], skipped: [], notes: [] };
    this.#dir = dir;
    this.#signal = signal;
  }

  /** A file below the data set's folder is left out. */
  skip(name: string, reason: string): void {
    this.dataset.skipped.push({ file: path.join(this.#dir, name), reason });
  }

  /** Something concerns more than one image. */
  note(text: string): void {
    this.dataset.notes.push(text);
  }

  /** For readers of tables: tells of a line that cannot be used. Line 0 is the table as a whole. */
  badLine(name: string): (line: number, reason: string) => void {
    return (line, reason) => this.skip(name, line > 0 ? `line ${line} ${reason}` : reason);
  }

  file(name: string): string {
    return path.join(this.#dir, name);
  }

  /** @throws DataError for a file that cannot be read or is no text; without its name */
  async text(name: string): Promise<string> {
    return decodeText(await readRegular(this.file(name), MOST_BYTES.text));
  }

  /**
   * The text parsed by `parse`; undefined, and left out with its reason, where that fails or there is no such file.
   */
  async parsed<T>(name: string, parse: (text: string) => T): Promise<T | undefined> {
    try {
      return parse(await this.text(name));
    } catch (error) {
      this.skip(name, reasonOf(error));
      return undefined;
    }
  }

  /**
   * Reads the images, several at a time; samples, remarks and what is left out come in the order of the images.
   *
   * @param nameOf the image's file, for what concerns it
   * @param read gives the sample. What it throws is the reason to leave the image out
   */
  async each<T>(
    images: readonly T[],
    nameOf: (image: T) => string,
    read: (image: T, remarks: Remarks) => Promise<Sample>,
  ): Promise<Dataset> {
    const results: { sample?: Sample; notes: string[]; reason?: string }[] = [];
    let next = 0;
    const reader = async () => {
      while (next < images.length) {
        this.#signal?.throwIfAborted();
        const i = next++;
        const notes: string[] = [];
        try {
          results[i] = { notes, sample: await read(images[i]!, { note: (text) => notes.push(text) }) };
        } catch (error) {
          if (!(error instanceof DataError) && !isFileError(error)) throw error;
          results[i] = { notes: [], reason: reasonOf(error) };
        }
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, reader));
    results.forEach(({ sample, notes, reason }, i) => {
      if (sample) this.dataset.samples.push(sample);
      else this.skip(nameOf(images[i]!), reason ?? "");
      this.dataset.notes.push(...notes.map((note) => `${nameOf(images[i]!)}: ${note}`));
    });
    return this.dataset;
  }
}

const isFileError = (error: unknown): boolean => typeof (error as NodeJS.ErrnoException | null)?.code === "string";

/** The names without folder and extension -> the names, of those with one of the extensions of images. */
export function imagesByStem(names: readonly string[]): Map<string, string> {
  return new Map(names.flatMap((name) => (IMAGE_FILE.test(name) ? [[path.parse(name).name, name]] : [])));
}

/** File names that images have. */
export const IMAGE_FILE = /\.(?:jpe?g|png|bmp|tiff?|webp|gif|dcm|dicom)$/i;

/** Names, without extension, in the order of the numbers in them, which does not depend on the file system. */
export const byNumber = (a: string, b: string): number =>
  COLLATOR.compare(a.replace(EXTENSION, ""), b.replace(EXTENSION, "")) || COLLATOR.compare(a, b);
const EXTENSION = /\.\w+$/;
const COLLATOR = new Intl.Collator("en", { numeric: true });

/** The items under each key, in order. */
export function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}
