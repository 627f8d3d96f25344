/** Reads a data set's pixel description: the Image Pixel module (PS3.3 C.7.6.3) and the number of frames (C.7.6.6). */
import { DataError } from "../sample.ts";
import { damaged, type DataSet, type Element, PIXEL_DATA } from "./elements.ts";

export interface DicomImage {
  rows: number;
  columns: number;
  frames: number;
  samples: 1 | 3;
  photometric: Photometric;
  /** Whether uncompressed colours are stored plane by plane, not pixel by pixel. */
  planar: boolean;
  bitsAllocated: 1 | 8 | 16 | 32;
  bitsStored: number;
  highBit: number;
  signed: boolean;
}

/** PS3.3 C.7.6.3.1.2. */
const PHOTOMETRIC = [
  "MONOCHROME1",
  "MONOCHROME2",
  "PALETTE COLOR",
  "RGB",
  "YBR_FULL",
  "YBR_FULL_422",
  "YBR_PARTIAL_422",
  "YBR_PARTIAL_420",
  "YBR_ICT",
  "YBR_RCT",
] as const;
export type Photometric = (typeof PHOTOMETRIC)[number];

/** Larger images are refused before memory is allocated for them: a damaged header can claim 65535 x 65535. */
export const MAX_PIXELS = 2 ** 26;

/** SOP classes without a picture, PS3.6 annex A. */
const WITHOUT_PIXELS: [RegExp, string][] = [
  [/^1\.2\.840\.10008\.1\.3\.10$/, "a directory of DICOM files (DICOMDIR)"],
  [/^1\.2\.840\.10008\.5\.1\.4\.1\.1\.88\./, "a structured report"],
  [/^1\.2\.840\.10008\.5\.1\.4\.1\.1\.11\./, "a presentation state"],
  [/^1\.2\.840\.10008\.5\.1\.4\.1\.1\.104\./, "an encapsulated document"],
  [/^1\.2\.840\.10008\.5\.1\.4\.1\.1\.9\./, "a waveform"],
  [/^1\.2\.840\.10008\.5\.1\.4\.1\.1\.481\./, "radiotherapy data"],
];

/** @throws DataError for a file without pixels, saying what it is instead */
export function requirePixels(set: DataSet, pixels: Element | undefined): Element {
  if (pixels) return pixels;
  const sopClass = set.text(0x00080016);
  // A DICOMDIR has its SOP class only in the file meta information, but a sequence of its own.
  const directory = set.has(0x00041220) ? WITHOUT_PIXELS[0]![1] : undefined;
  const what = directory ?? WITHOUT_PIXELS.find(([pattern]) => pattern.test(sopClass))?.[1];
  throw what ? new DataError(`is a DICOM file without pixels: ${what}`) : damaged("it has no pixels");
}

/** @throws DataError for missing, contradictory or unsupported attributes */
export function imageOf(set: DataSet, pixels: Element): DicomImage {
  if (pixels.tag !== PIXEL_DATA) throw new DataError("is a DICOM file of floating-point pixels: not supported");
  const us = (tag: number) => set.number(tag, "US");
  const [rows, columns] = [us(0x00280010) ?? 0, us(0x00280011) ?? 0];
  if (!(rows > 0 && columns > 0)) throw damaged("it does not say how large it is");
  if (rows * columns > MAX_PIXELS) throw new DataError(`is a DICOM image of ${columns}x${rows}: too large`);
  const frames = set.number(0x00280008, "IS") ?? 1;
  if (!(Number.isSafeInteger(frames) && frames > 0)) throw damaged(`it says that it has ${frames} frames`);
  const photometric = photometricOf(set.text(0x00280004));
  const samples = us(0x00280002) ?? 1;
  const wanted = isColour(photometric) ? 3 : 1;
  if (samples !== wanted) throw damaged(`it has ${samples} samples per pixel, but is ${photometric}`);
  const bitsAllocated = us(0x00280100);
  if (bitsAllocated !== 1 && bitsAllocated !== 8 && bitsAllocated !== 16 && bitsAllocated !== 32) {
    throw new DataError(`is a DICOM image with ${bitsAllocated ?? "no number of"} bits allocated: not supported`);
  }
  const bitsStored = us(0x00280101) ?? bitsAllocated;
  const highBit = us(0x00280102) ?? bitsStored - 1;
  if (!(bitsStored > 0 && bitsStored <= highBit + 1 && highBit < bitsAllocated)) {
    throw damaged(
      `its bits contradict each other: ${bitsAllocated} allocated, ${bitsStored} stored, high bit ${highBit}`,
    );
  }
  const planar = samples === 3 && us(0x00280006) === 1;
  const signed = us(0x00280103) === 1;
  if (signed && wanted === 3) throw damaged("it says that its colours are signed");
  return { rows, columns, frames, samples: wanted, photometric, planar, bitsAllocated, bitsStored, highBit, signed };
}

function photometricOf(text: string): Photometric {
  const known = PHOTOMETRIC.find((name) => name === text);
  if (known) return known;
  if (text === "") throw damaged("it does not say its photometric interpretation");
  throw new DataError(
    `is a DICOM image of photometric interpretation ${JSON.stringify(text.slice(0, 20))}: not supported`,
  );
}

export const isColour = (photometric: Photometric) => /^(RGB|YBR)/.test(photometric);

/** Whether two native pixels share their chroma. */
export const isHalved = ({ photometric }: DicomImage) => /_422$/.test(photometric);

/** Bytes of N frames of native pixels. Frames of 1-bit pixels follow each other without padding, PS3.5 8.1.1. */
export function nativeBytes(image: DicomImage, frames: number): number {
  const pixels = image.rows * image.columns;
  const words = isHalved(image) ? 2 * pixels : image.samples * pixels;
  return Math.ceil((words * image.bitsAllocated * frames) / 8);
}
