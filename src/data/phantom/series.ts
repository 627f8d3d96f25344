/** The phantom as a prepared data set: drawing an image, cropping and resizing it like any other. */
import { intoCrop, outOfCrop } from "../boxes.ts";
import { cropOf, type PrepareSize } from "../crop-image.ts";
import type { GreyImage } from "../grey-image.ts";
import type { Target } from "../readers/class-words.ts";
import type { Box, Classes, Dataset, Label, Prepared } from "../sample.ts";
import { shapeMask } from "../shape.ts";
import { phantomLabel } from "./labels.ts";
import { phantomId, phantomImage, type PhantomImage } from "./phantom.ts";
import { isPhantom, type PhantomName } from "./scanner.ts";

/** One image of a scanner's series. */
export interface PhantomPlace {
  scanner: PhantomName;
  seed: number;
  index: number;
}

/** All of a prepared image but its pixels. */
export interface DrawnPhantom {
  label: Label;
  /** In pixels of the whole image, which is `width` × `height`, as is the part that was kept. */
  boxes: Box[];
  width: number;
  height: number;
  crop: Box;
}

export interface DrawOptions extends Omit<PrepareSize, "resize"> {
  /** What the label is. */
  target: Target;
  /** Resizes the part of an image in `crop` to `width` × `height` bytes. */
  resize: (image: GreyImage, crop: Box) => Uint8Array | Promise<Uint8Array>;
}

/** Draws an image and writes its prepared pixels and its nodules' into `grey` and `shape`, width × height bytes each. */
export async function drawPhantom(
  { scanner, seed, index }: PhantomPlace,
  { width, height, crop: method, target, resize }: DrawOptions,
  grey: Uint8Array,
  shape: Uint8Array,
): Promise<DrawnPhantom> {
  const { label, features, boxes, outlines, ...frame } = phantomImage(seed, index, { scanner });
  const crop = cropOf(frame, method);
  grey.set(await resize(frame, crop));
  const polygons = outlines.map((polygon) => ({ polygon }));
  shapeMask(polygons, crop, width, height, shape);
  const size = { width: frame.width, height: frame.height };
  return { label: phantomLabel({ label, features }, target), boxes, ...size, crop };
}

/** A drawn image with its pixels. */
export function preparedPhantom(
  { scanner, seed, index }: PhantomPlace,
  { label, boxes, ...source }: DrawnPhantom,
  pixels: Pick<Prepared, "width" | "height" | "grey"> & { shape: Uint8Array },
): Prepared {
  const id = phantomId(scanner, seed, index);
  const { width, height, grey, shape } = pixels;
  const inCrop = boxes.map((box) => intoCrop(box, source.crop, width, height));
  const file = { file: id, ...source };
  return { id, group: id, label, width, height, grey, shape, boxes: inCrop, source: file };
}

/** The whole image that a prepared one was cropped from; undefined for other ids. */
export function phantomFrame(id: string): PhantomImage | undefined {
  const [, scanner, seed, index] = /^(.+)-(\d+)-(\d+)$/.exec(id) ?? [];
  if (scanner === undefined || !isPhantom(scanner)) return undefined;
  return phantomImage(Number(seed), Number(index), { scanner });
}

/** The data set that prepared images of a scanner were prepared from. */
export const phantomSet = (scanner: PhantomName, classes: Classes, prepared: readonly Prepared[]): Dataset => ({
  name: scanner,
  classes,
  samples: prepared.map(({ id, group, label, boxes, width, height, source }) => ({
    ...{ id, file: id, group, label },
    boxes: boxes.map((box) => outOfCrop(box, source!.crop, width, height)),
  })),
  skipped: [],
  notes: [],
});
