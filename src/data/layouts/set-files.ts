/** What the readers of layouts need of wherever a set's files lie: a folder on disk, or what was dropped on a page. */
import type { PictureSize } from "../annotation-frame.ts";
import type { MaskContent } from "../masks/content.ts";
import type { MaskPixels } from "../masks/field.ts";
import type { MaskReading } from "../masks/levels.ts";

/** The names in a folder, sorted by code point, without hidden ones, which begin with a dot. */
export interface Listing {
  files: string[];
  folders: string[];
}

/**
 * A set's files. A `name` is relative to the set's folder, with slashes; "" is the folder itself. A `file` is what `full` or
 * `PathFinder.find` returned, possibly with a frame, as in `loop.dcm#12`.
 */
export interface SetFiles {
  /** What messages call the set: its folder, or the file of a manifest, as the user named it. */
  readonly called: string;
  /** The manifest that the user named instead of the folder. */
  readonly manifest?: string;
  /** The name of a file or folder for messages and `Sample.file`. */
  full(name: string): string;
  /** @throws DataError, with the folder's full name, if it is missing or cannot be read */
  list(folder: string): Promise<Listing>;
  /**
   * The text of a file.
   *
   * @param most maximum bytes; default `MOST_BYTES.text`
   * @throws DataError, or another error with a `code`, without the file's name, if it is missing, too large, or not text
   */
  text(name: string, most?: number): Promise<string>;
  /** The first `BEGINNING_BYTES` of a file as text; "" if it is missing or cannot be read. */
  beginning(name: string): Promise<string>;
  /**
   * The picture's size as viewers show it, from the file's header.
   *
   * @throws DataError, without the file's name, also for a multi-frame file if no frame is named
   */
  imageSize(file: string): Promise<PictureSize>;
  /** A mask's own levels. @throws DataError as `imageSize`, also for a damaged or truncated file */
  decodeMask(file: string): Promise<MaskPixels>;
  /** @param images number of images whose masks may be read */
  maskReader(reading: MaskReading, images: number): MaskReader;
  /** Finds the files that a manifest names. */
  finder(): PathFinder;
  /** Those of some files that lie elsewhere, behind links. */
  elsewhere(files: readonly string[]): Promise<string[]>;
}

/** Reads masks, perhaps several at a time. */
export interface MaskReader {
  /** @throws DataError, without the file's name, for a file that cannot be read, or whose meaning is unclear */
  read(file: string): Promise<MaskContent>;
  close(): Promise<void>;
}

/** Resolves paths in a manifest, with slashes or backslashes, in any Unicode form. */
export interface PathFinder {
  /**
   * The file; if it does not exist, the path as named, so that its reader reports it.
   *
   * @throws DataError for a path that cannot be followed here
   */
  find(name: string): Promise<string>;
  /** One line about files found outside the folder or behind links; empty if there are none. */
  notes(): string[];
}
