/**
 * Determines which picture an annotation was drawn on. Viewers rotate a picture by its EXIF orientation and stretch a DICOM
 * image to square pixels; labelling tools do either or neither, and some record the size of what they showed.
 */
import { type Box, DataError } from "./sample.ts";

export interface Size {
  width: number;
  height: number;
}

/** The size of a picture as viewers show it, in pixels. */
export interface PictureSize extends Size {
  /** How the file stores it, if that differs from what viewers show. */
  stored?: StoredSize;
}

export interface StoredSize extends Size {
  /** EXIF orientation, 1 to 8: how the stored pixels are rotated or mirrored for viewing. 1 leaves them unchanged. */
  orientation: number;
}

export interface AnnotationFrame {
  /** Maps a box of the annotation to pixels of the picture as viewers show it. */
  place(box: Box): Box;
  /** What was done, for the user; undefined if the box is used as written. */
  note?: string;
}

/** Shapes agree if their aspect ratios differ by less than this fraction. */
const SAME_SHAPE = 0.01;

/**
 * How to read boxes drawn on a picture of size `declared`. Without a declared size, boxes are in the pixels that viewers show,
 * but in stored pixels if those are not square: DICOM tools count rows and columns of the file.
 *
 * @throws OtherShape for a declared size whose shape differs from the picture's: the nodule's position is then unknown
 */
export function annotationFrame(size: PictureSize, declared?: Size): AnnotationFrame {
  const { stored } = size;
  if (declared === undefined) {
    if (stored?.orientation === 1) return fromStored(size, stored, stored);
    return { place: (box) => box, ...(stored ? { note: asShown(stored) } : {}) };
  }
  // A label file without a size often has zeros instead.
  if (declared.width === 0 && declared.height === 0) return annotationFrame(size);
  // Rotation by 180 degrees, or of a square, keeps the size, which then decides nothing.
  if (equal(declared, size)) {
    return { place: (box) => box, ...(stored && equal(declared, stored) ? { note: asShown(stored) } : {}) };
  }
  if (stored && equal(declared, stored)) return fromStored(size, stored, stored);
  const text = `${declared.width}x${declared.height}`;
  if (sameShape(declared, size)) {
    const note = `its annotation was made on ${text}: scaled to ${size.width}x${size.height}`;
    return { place: (box) => scale(box, declared, size), note };
  }
  if (stored && sameShape(declared, stored)) return fromStored(size, stored, declared);
  throw new OtherShape(size, declared);
}

/** An annotation declares that it was made on an image of a different shape. */
export class OtherShape extends DataError {
  readonly declared: Size;

  constructor({ width, height }: Size, declared: Size) {
    const turned = equal(declared, { width: height, height: width }) ? ", with width and height swapped" : "";
    super(
      `its annotation was made on an image of ${declared.width}x${declared.height}, but it is ${width}x${height}${turned}: ` +
        "remove the size from the annotation if it is wrong",
    );
    this.declared = declared;
  }
}

const asShown = ({ orientation }: StoredSize) =>
  `its EXIF orientation is ${orientation}: its annotation is taken to be of the picture as viewers rotate it`;

function fromStored(size: PictureSize, stored: StoredSize, drawnOn: Size): AnnotationFrame {
  const turned = stored.orientation >= 5 ? { width: stored.height, height: stored.width } : stored;
  const place = (box: Box) => scale(turn(scale(box, drawnOn, stored), stored), turned, size);
  const text = `${drawnOn.width}x${drawnOn.height}`;
  const what = stored.orientation === 1 ? "before it was stretched to square pixels" : "before it was rotated";
  return { place, note: `its annotation was made on ${text}, ${what}` };
}

/** The box after the stored picture was rotated and mirrored by its EXIF orientation (TIFF 6.0, tag 274). */
function turn(box: Box, { width, height, orientation }: StoredSize): Box {
  const mirrored = ({ x0, y0, x1, y1 }: Box): Box => ({ x0: width - x1, y0, x1: width - x0, y1 });
  const flipped = ({ x0, y0, x1, y1 }: Box): Box => ({ x0, y0: height - y1, x1, y1: height - y0 });
  const transposed = ({ x0, y0, x1, y1 }: Box): Box => ({ x0: y0, y0: x0, x1: y1, y1: x1 });
  switch (orientation) {
    case 2:
      return mirrored(box);
    case 3:
      return mirrored(flipped(box));
    case 4:
      return flipped(box);
    case 5:
      return transposed(box);
    case 6:
      return transposed(flipped(box));
    case 7:
      return transposed(mirrored(flipped(box)));
    case 8:
      return transposed(mirrored(box));
    default:
      return box;
  }
}

function scale({ x0, y0, x1, y1 }: Box, from: Size, to: Size): Box {
  const [w, h] = [from.width, from.height];
  return { x0: (x0 * to.width) / w, y0: (y0 * to.height) / h, x1: (x1 * to.width) / w, y1: (y1 * to.height) / h };
}

const equal = (a: Size, b: Size) => a.width === b.width && a.height === b.height;
const sameShape = (a: Size, b: Size) => Math.abs((a.width * b.height) / (a.height * b.width) - 1) <= SAME_SHAPE;
