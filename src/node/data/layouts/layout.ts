/** How a data set lies on disk. A new format is one file beside this one and one line in ./registry.ts. */
import type { ClassWords, Target } from "../../../data/readers/class-words.ts";
import type { Dataset } from "../../../data/sample.ts";

/** The names in a folder, sorted. */
export interface Listing {
  files: string[];
  folders: string[];
}

/** The names in a folder below the one that is looked at; empty where there is no such folder. */
export type Look = (folder: string) => Promise<Listing>;

/** The beginning of a file below the folder that is looked at, as text; "" where there is no such file. */
export type Peek = (file: string) => Promise<string>;

export interface ReadOptions {
  /**
   * Where the class of an image comes from that the set itself gives none: "name" is a word of its file's name. Default: nowhere.
   */
  labelFrom?: "name" | undefined;
  /**
   * Images on which an outline of a nodule is known to be missing (a cut-off annotation): "skip" (default), because the
   * segmentation branch would learn that the nodule is background, or "keep" with the outlines that are there.
   */
  incomplete?: "skip" | "keep";
  /** Whether masks are dark where the nodule is. */
  masksInverted?: boolean;
  signal?: AbortSignal;
}

/** What a layout is asked for. */
export interface ReadContext extends ReadOptions {
  /** How the texts of the set name its classes. */
  words: ClassWords;
}

export interface Layout {
  /** What `--format` calls it. */
  format: string;
  /** What the folder looks like, for error messages. */
  shape: string;
  /** What its labels may be; default classes only. */
  targets?: readonly Target[];
  recognises(listing: Listing, look: Look, peek: Peek, words: ClassWords): boolean | Promise<boolean>;
  /** Formats that such a folder fits, too, without being of two kinds. */
  implies?: readonly string[];
  /** Reads the annotations and the images' headers. What is wrong with single files goes to `skipped`. */
  read(dir: string, listing: Listing, options: ReadContext, look: Look): Promise<Dataset>;
}
