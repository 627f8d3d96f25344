/** Assembles a data set, image by image. */
import { OtherShape, type PictureSize } from "../annotation-frame.ts";
import { benignMalignant } from "../classes.ts";
import { DataError, type Dataset, reasonOf, type Sample } from "../sample.ts";
import type { ClassWords } from "../readers/class-words.ts";
import type { MaskContent } from "../masks/content.ts";
import type { MaskReading } from "../masks/levels.ts";
import type { ReadContext, SetFiles } from "./layout.ts";

export { IMAGE_FILE, imagesByStem } from "./stems.ts";

/** Files read at a time: enough to keep the decoding threads busy. */
const CONCURRENT_READS = 8;

/** Passed to the reader of an image, for its notes and masks. */
export interface Remarks {
  /** Notes a change to a sample that is kept. */
  note(text: string): void;
  /** Reads a mask with the user's options. @throws DataError without the file's name */
  readMask(file: string): Promise<MaskContent>;
}

/** More notes of one kind than this are merged into one line with their number. */
const MAX_SAME_NOTES = 3;

export class Collector {
  readonly dataset: Dataset;
  /** How the set names its classes. */
  readonly words: ClassWords;
  readonly #set: SetFiles;
  readonly #signal: AbortSignal | undefined;
  readonly #masks: MaskReading;

  constructor(name: string, set: SetFiles, { signal, masksInverted = false, words }: ReadContext) {
    this.words = words;
    this.dataset = { name, classes: benignMalignant, samples: [], skipped: [], notes: [] };
    this.#set = set;
    this.#signal = signal;
    this.#masks = { inverted: masksInverted };
  }

  /** Records a file below the data set's folder as left out. */
  skip(name: string, reason: string): void {
    this.dataset.skipped.push({ file: this.file(name), reason });
  }

  /** Notes something about more than one image. */
  note(text: string): void {
    this.dataset.notes.push(text);
  }

  /** For table readers: records an unusable line. Line 0 is the table as a whole. */
  badLine(name: string): (line: number, reason: string) => void {
    return (line, reason) => this.skip(name, line > 0 ? `line ${line} ${reason}` : reason);
  }

  /** The full name of a file. */
  file(name: string): string {
    return this.#set.full(name);
  }

  /** As `SetFiles.text`. */
  text(name: string, most?: number): Promise<string> {
    return this.#set.text(name, most);
  }

  /** As `SetFiles.imageSize`. @param file a full name */
  imageSize(file: string): Promise<PictureSize> {
    return this.#set.imageSize(file);
  }

  /**
   * The text parsed by `parse`; undefined, with the file left out and the reason, if that fails or the file is missing.
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
   * Reads the images, several at a time; samples, notes and skipped files are in image order.
   *
   * @param nameOf the image's file, for messages about it
   * @param read returns the sample. What it throws is the reason to leave the image out
   */
  async each<T>(
    images: readonly T[],
    nameOf: (image: T) => string,
    read: (image: T, remarks: Remarks) => Promise<Sample>,
  ): Promise<Dataset> {
    const masks = this.#set.maskReader(this.#masks, images.length);
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

/** A note for annotations whose declared size differs in shape from their images. */
function noteOnShapes(shapes: readonly OtherShape[], images: number): string {
  const sizes = new Set(shapes.map(({ declared: { width, height } }) => `${width}x${height}`));
  const which = sizes.size === 1 ? `the same size, ${[...sizes][0]!}` : `${sizes.size} sizes`;
  return (
    `${shapes.length} of ${images} annotations say ${which}, of another shape than their images: left out. If the boxes are in ` +
    "pixels of the images anyway, remove the sizes from the annotations (docs/data.md)"
  );
}

/** One line per note; notes that differ only in names and numbers are merged into one line. */
function together(notes: readonly { name: string; note: string }[]): string[] {
  const kinds = groupBy(notes, ({ note }) => kindOf(note));
  return [...kinds.values()].flatMap((same) => {
    if (same.length <= MAX_SAME_NOTES) return same.map(({ name, note }) => `${name}: ${note}`);
    return `${same[0]!.name} and ${same.length - 1} others: ${same[0]!.note}`;
  });
}

/** The text without names and numbers that identify an image. */
const kindOf = (note: string): string => note.replace(/\S+\.\w{2,5}\b/g, "*").replace(/\d+/g, "#");

const isFileError = (error: unknown): boolean => typeof (error as { code?: unknown } | null)?.code === "string";

/** Orders names, without extension, by the numbers in them, independently of the file system. */
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
