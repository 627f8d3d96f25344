/** The interface of a data layout. A new format is one file beside this one and one line in ./registry.ts. */
import type { ClassWords, Target } from "../readers/class-words.ts";
import type { Dataset } from "../sample.ts";
import type { Listing, SetFiles } from "./set-files.ts";

export type { Listing, PathFinder, SetFiles } from "./set-files.ts";

/** The names in a folder below the set's; empty if it does not exist. */
export type Look = (folder: string) => Promise<Listing>;

/** The beginning of a file below the set's folder, as text; "" if it does not exist. */
export type Peek = (file: string) => Promise<string>;

export interface ReadOptions {
  /**
   * Where to take a class from if the set gives an image none: "name" is a word of its file name. Default: nowhere.
   */
  labelFrom?: "name" | undefined;
  /**
   * Images on which a nodule's outline is known to be missing (a truncated annotation): "skip" (default), because the
   * segmentation branch would learn that the nodule is background, or "keep" with the remaining outlines.
   */
  incomplete?: "skip" | "keep";
  /** Whether masks are dark where the nodule is. */
  masksInverted?: boolean;
  signal?: AbortSignal;
}

/** A layout's read options. */
export interface ReadContext extends ReadOptions {
  /** Recognises classes in the set's texts. */
  words: ClassWords;
}

export interface Layout {
  /** Its name for `--format`. */
  format: string;
  /** What the folder looks like, for error messages. */
  shape: string;
  /** The supported kinds of labels; default classes only. */
  targets?: readonly Target[];
  recognises(listing: Listing, look: Look, peek: Peek, words: ClassWords): boolean | Promise<boolean>;
  /** Formats that such a folder also fits, without being ambiguous. */
  implies?: readonly string[];
  /** Reads the annotations and the images' headers. Problems with single files go to `skipped`. */
  read(files: SetFiles, listing: Listing, options: ReadContext, look: Look): Promise<Dataset>;
}
