/** Puts a data set together, image by image. */
import path from "node:path";
import { OtherShape } from "../../../data/annotation-frame.ts";
import { benignMalignant } from "../../../data/classes.ts";
import { DataError, type Dataset, reasonOf, type Sample } from "../../../data/sample.ts";
import type { ClassWords } from "../../../data/readers/class-words.ts";
import { decodeText } from "../../../data/text.ts";
import { MOST_BYTES, readRegular } from "../../files.ts";
import { type MaskContent, MaskReader } from "../read-mask.ts";
import type { MaskReading } from "../../../data/masks/levels.ts";
import type { ReadContext } from "./layout.ts";

export { IMAGE_FILE, imagesByStem } from "./stems.ts";

/** Files read at a time: enough to keep the decoding threads busy. */
const CONCURRENT_READS = 8;

/** What reading one image gives: a sample with what was changed in it, or nothing because it was left out. */
export interface Remarks {
  /** Something was changed in a sample that is kept. */
  note(text: string): void;
  /** Reads a mask, as the user says that masks are to be read. @throws DataError without the file's name */
  readMask(file: string): Promise<MaskContent>;
}

/** More notes of one kind than these become one line with their number. */
const MAX_SAME_NOTES = 3;

export class Collector {
  readonly dataset: Dataset;
  /** How the set names its classes. */
  readonly words: ClassWords;
  readonly #dir: string;
  readonly #signal: AbortSignal | undefined;
  readonly #masks: MaskReading;

  constructor(name: string, dir: string, { signal, masksInverted = false, words }: ReadContext) {
    this.words = words;
    this.dataset = { name, classes: benignMalignant, samples: [], skipped: [], notes: [] };
    this.#dir = dir;
    this.#signal = signal;
    this.#masks = { inverted: masksInverted };
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

  /** @throws DataError for a file that cannot be read or is not text; without its name */
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
    const masks = new MaskReader(this.#masks, images.length);
    const results: { sample?: Sample; notes: string[]; reason?: string }[] = [];
    const shapes: OtherShape[] = [];
    let masksRead = false;
    const readMask = (file: string) => {
      masksRead = true;
      return masks.read(file);
    };
    let next = 0;
    const reader = async () => {
      while (next < images.length) {
        this.#signal?.throwIfAborted();
        const i = next++;
        const notes: string[] = [];
        try {
          results[i] = { notes, sample: await read(images[i]!, { note: (text) => notes.push(text), readMask }) };
        } catch (error) {
          if (!(error instanceof DataError) && !isFileError(error)) throw error;
          if (error instanceof OtherShape) shapes.push(error);
          results[i] = { notes: [], reason: reasonOf(error) };
        }
      }
    };
    try {
      await Promise.all(Array.from({ length: CONCURRENT_READS }, reader));
    } finally {
      await masks.close();
    }
    results.forEach(({ sample, reason }, i) => {
      if (sample) this.dataset.samples.push(sample);
      else this.skip(nameOf(images[i]!), reason ?? "");
    });
    if (this.#masks.inverted && !(masksRead as boolean)) {
      this.note("--masks-inverted has no effect: no image of this set is marked by a mask");
    }
    if (shapes.length > MAX_SAME_NOTES) this.note(noteOnShapes(shapes, images.length));
    const notes = results.flatMap(({ notes }, i) => notes.map((note) => ({ name: nameOf(images[i]!), note })));
    this.dataset.notes.push(...together(notes));
    return this.dataset;
  }
}

/** What many annotations have in common that say another size than their images have. */
function noteOnShapes(shapes: readonly OtherShape[], images: number): string {
  const sizes = new Set(shapes.map(({ declared: { width, height } }) => `${width}x${height}`));
  const which = sizes.size === 1 ? `the same size, ${[...sizes][0]!}` : `${sizes.size} sizes`;
  return (
    `${shapes.length} of ${images} annotations say ${which}, of another shape than their images: left out. Where boxes are in ` +
    "pixels of the images all the same, take the sizes out of the annotations (docs/data.md)"
  );
}

/** A line a note; where many differ in names and numbers only, one line for all of them. */
function together(notes: readonly { name: string; note: string }[]): string[] {
  const kinds = groupBy(notes, ({ note }) => kindOf(note));
  return [...kinds.values()].flatMap((same) => {
    if (same.length <= MAX_SAME_NOTES) return same.map(({ name, note }) => `${name}: ${note}`);
    return `${same[0]!.name} and ${same.length - 1} others: ${same[0]!.note}`;
  });
}

/** The text without what tells one image from another. */
const kindOf = (note: string): string => note.replace(/\S+\.\w{2,5}\b/g, "*").replace(/\d+/g, "#");

const isFileError = (error: unknown): boolean => typeof (error as NodeJS.ErrnoException | null)?.code === "string";

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
