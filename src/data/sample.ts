/** What a data set is made of, from the annotated image on disk to the batch a training step takes. */
import type { Fingerprint } from "./fingerprint.ts";

/** A rectangle in pixels: x0/y0 the left and top edge, x1/y1 the right and bottom edge (exclusive). Fractions allowed. */
export interface Box {
  x0: number;
  y0: number;
  x1: number;
  y1: number;
}

/** The classes that images are told apart by: src/data/classes.ts. */
export interface Classes {
  /** A label is an index into them. */
  readonly names: readonly string[];
  /** Index of the positive class of the binary figures (sensitivity, PPV, ..), which set it against all others. */
  readonly positive: number;
}

/** Index into the data set's classes; undefined where the class is not known. */
export type Label = number | undefined;

/** Which side of a split an image is on: trained on, held out for choices, or held out to the end. */
export type Side = "train" | "val" | "test";

/** How a data set itself divides its images. */
export interface Given {
  side?: Side;
  /** The fold in which the image is held out, from 0. */
  fold?: number;
}

/** One image of a data set, still on disk. */
export interface Sample extends Given {
  /** Unique in the data set. */
  id: string;
  /** Path of the image. */
  file: string;
  /** Patient or case: a split never cuts through a group. */
  group: string;
  label: Label;
  /** The nodules, in pixels of the original image. */
  boxes: Box[];
  /** "none" where it is known that there is no nodule, and `boxes` is empty for that; else an image without boxes has an unknown outline. */
  outline?: "none";
  /** Whether the image is a crop to the tissue already. */
  cropped?: boolean;
}

/** A file that was left out, and why. */
export interface Skipped {
  file: string;
  reason: string;
}

export interface Dataset {
  name: string;
  /** Of which `label` is an index. */
  classes: Classes;
  samples: Sample[];
  /** Every image, annotation or named file that gave no sample. */
  skipped: Skipped[];
  /** What was changed in samples that were kept, one line each. */
  notes: string[];
}

/** One image cropped to the tissue and resized to the network's input, in grey. */
export interface Prepared extends Given {
  id: string;
  group: string;
  label: Label;
  width: number;
  height: number;
  /** Row by row, width × height bytes. May lie in shared memory. */
  grey: Uint8Array;
  /** In pixels of the prepared image. */
  boxes: Box[];
  /** As in `Sample`. */
  outline?: "none";
  /** To find the same picture elsewhere. */
  print?: Fingerprint;
  /** Where it came from: `crop` is in pixels of the original image, whose size `width` × `height` is. */
  source?: { file: string; width: number; height: number; crop: Box };
}

/** Whether the outline of an image is unknown; where it is known that there is no nodule it is not. */
export const isBare = ({ boxes, outline }: Pick<Prepared, "boxes" | "outline">): boolean =>
  boxes.length === 0 && outline !== "none";

/** What one training or evaluation step takes. */
export interface Batch {
  /** [N,H,W,3], normalised. */
  image: Float32Array;
  /** [N]; 0 where the class is not known (only the outlines of such samples are used). */
  label: Uint32Array;
  /** [N,H,W,1]: 1 inside the ellipses of the image's boxes, else 0. */
  target: Float32Array;
  ids: string[];
}

/** Bad input of the user's: the message is one line that names the file and the reason. No stack is shown for it. */
export class DataError extends Error {
  override readonly name = "DataError";

  constructor(message: string) {
    super(oneLine(message));
  }
}

/** The text on one line, for messages that come from libraries. */
export function oneLine(text: string): string {
  return text
    .trim()
    .split(/\s*[\r\n]+\s*/)
    .join("; ");
}

/** Why something failed, on one line of bounded length: some libraries quote what they could not read. */
export function reasonOf(error: unknown): string {
  const text = oneLine(error instanceof Error ? error.message : String(error));
  return text.length > 200 ? `${text.slice(0, 200)}...` : text;
}
