/** The types of a data set, from the annotated image on disk to the batch of a training step. */
import type { Fingerprint } from "./fingerprint.ts";

/** A rectangle in pixels: x0/y0 the left and top edge, x1/y1 the right and bottom edge (exclusive). Fractions allowed. */
export interface Box {
  x0: number;
  y0: number;
  x1: number;
  y1: number;
}

/** A point in pixels: the first pixel, at the upper left, reaches from (0, 0) to (1, 1). */
export interface Point {
  x: number;
  y: number;
}

/** A true outline: a polygon, or the pixels of a mask as runs that do not overlap, boxes of four numbers x0 y0 x1 y1 each. */
export type Part = { readonly polygon: readonly Point[] } | { readonly runs: Float32Array };

/** The nodules of an image as they were outlined: all that lies in one of the parts. */
export type Shape = readonly Part[];

/** The classes of a data set: src/data/classes.ts. */
export interface Classes {
  /** Labels are indices into these. */
  readonly names: readonly string[];
  /** Index of the positive class of the binary metrics (sensitivity, PPV, ..), contrasted with all others. */
  readonly positive: number;
}

/** Index into the data set's classes; undefined if the class is unknown. */
export type Label = number | undefined;

/** The side of a split: trained on, held out for model selection, or held out to the end. */
export type Side = "train" | "val" | "test";

/** A data set's own split of its images. */
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
  /** The same nodules' true outlines; absent unless that of each is known. */
  shape?: Shape;
  /** "none" if the image is known to have no nodule, hence no `boxes`; otherwise no boxes means an unknown outline. */
  outline?: "none";
  /** Whether the image is already cropped to the tissue. */
  cropped?: boolean;
}

/** A file that was left out, and why. */
export interface Skipped {
  file: string;
  reason: string;
}

export interface Dataset {
  name: string;
  /** What messages call it: its folder, or the file of a manifest. Set by who opens it. */
  dir?: string;
  /** What `label` indexes. */
  classes: Classes;
  samples: Sample[];
  /** Every image, annotation or named file that yielded no sample. */
  skipped: Skipped[];
  /** Changes to samples that were kept, one line each. */
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
  /** 1 inside the true outlines, else 0: width × height bytes, which may lie in shared memory. Absent if unknown. */
  shape?: Uint8Array;
  /** As in `Sample`. */
  outline?: "none";
  /** For finding the same picture elsewhere. */
  print?: Fingerprint;
  /** Where it came from: `crop` is in pixels of the original image, which is `width` × `height`. */
  source?: { file: string; width: number; height: number; crop: Box };
}

/** Whether an image's outline is unknown; if it is known to have no nodule, it is not. */
export const isBare = ({ boxes, outline }: Pick<Prepared, "boxes" | "outline">): boolean =>
  boxes.length === 0 && outline !== "none";

/** The input of one training or evaluation step. */
export interface Batch {
  /** [N,H,W,3], normalised. */
  image: Float32Array;
  /** [N]; 0 if the class is unknown (only the outlines of such samples are used). */
  label: Uint32Array;
  /** [N,H,W,1]: 1 inside the nodules, as the ellipses of their boxes or another target (target.ts), else 0. */
  target: Float32Array;
  ids: string[];
}

/** Bad user input: the message is one line that names the file and the reason. Shown without a stack. */
export class DataError extends Error {
  override readonly name = "DataError";

  constructor(message: string) {
    super(oneLine(message));
  }
}

/** Joins a library's message into one line. */
export function oneLine(text: string): string {
  return text
    .trim()
    .split(/\s*[\r\n]+\s*/)
    .join("; ");
}

/** Why something failed, as one line of bounded length: some libraries quote what they could not parse. */
export function reasonOf(error: unknown): string {
  const text = oneLine(error instanceof Error ? error.message : String(error));
  return text.length > 200 ? `${text.slice(0, 200)}...` : text;
}
