/**
 * Maps stored values to grey levels in the order of PS3.3: Modality LUT or rescale (C.11.1), VOI LUT or window (C.11.2),
 * inversion (C.7.6.3.1.2 MONOCHROME1, C.11.6 Presentation LUT Shape).
 */
import { bitsInUse, isDim } from "../depth.ts";
import { DataError } from "../sample.ts";
import { damaged, type DataSet } from "./elements.ts";
import type { DicomImage } from "./image.ts";
import { lookUp, type Lut, lutOf, whiteOf } from "./luts.ts";
import { type Extent, rangeOf, type Stored } from "./samples.ts";

export interface GreyStages {
  modality: Lut | { slope: number; intercept: number };
  /** Undefined if the file has none that can be applied. */
  voi: Lut | Window | undefined;
  inverted: boolean;
}

export interface Window {
  shape: "LINEAR" | "LINEAR_EXACT" | "SIGMOID";
  center: number;
  width: number;
}

/** A frame's attributes: from its own functional groups, the shared ones, or else the data set. */
export function frameAttributes(set: DataSet, frame: number, macro: number): DataSet {
  const own = set.items(0x52009230)[frame]?.items(macro)[0];
  return own ?? set.items(0x52009229)[0]?.items(macro)[0] ?? set;
}

const PIXEL_VALUE_TRANSFORMATION = 0x00289145;
const FRAME_VOI_LUT = 0x00289132;

/** @throws DataError for damaged or unsupported attributes */
export function greyStages(set: DataSet, image: DicomImage, frame: number): GreyStages {
  const shape = set.text(0x20500020);
  if (!["", "IDENTITY", "INVERSE"].includes(shape)) {
    throw new DataError(`is a DICOM image with the presentation LUT shape ${shape}: not supported`);
  }
  if (set.items(0x20500010).length > 0) throw new DataError("is a DICOM image with a presentation LUT: not supported");
  // C.8.11.3 requires shape INVERSE for MONOCHROME1: one inversion, stated twice.
  const inverted = image.photometric === "MONOCHROME1" || shape === "INVERSE";
  const modality = modalityOf(frameAttributes(set, frame, PIXEL_VALUE_TRANSFORMATION), image);
  // The VOI LUT's input is the modality stage's output, which is signed if it can be negative.
  const negative = "entries" in modality ? false : image.signed || modality.intercept < 0 || modality.slope < 0;
  return { modality, voi: voiOf(frameAttributes(set, frame, FRAME_VOI_LUT), negative), inverted };
}

function modalityOf(set: DataSet, image: DicomImage): GreyStages["modality"] {
  const item = set.items(0x00283000)[0];
  if (item) return lutOf(item, image.signed);
  const [intercept, slope] = [set.number(0x00281052, "DS") ?? 0, set.number(0x00281053, "DS") ?? 1];
  if (slope === 0) throw damaged("its rescale slope is 0, which makes all pixels one level");
  return { slope, intercept };
}

function voiOf(set: DataSet, signed: boolean): GreyStages["voi"] {
  const item = set.items(0x00283010)[0];
  if (item) return lutOf(item, signed);
  const shape = set.text(0x00281056) || "LINEAR";
  if (shape !== "LINEAR" && shape !== "LINEAR_EXACT" && shape !== "SIGMOID") {
    throw new DataError(`is a DICOM image with the VOI LUT function ${shape.slice(0, 20)}: not supported`);
  }
  // The first of several windows; an empty or zero-width one is ignored.
  const [center, width] = [set.number(0x00281050, "DS"), set.number(0x00281051, "DS")];
  if (center === undefined || width === undefined) return undefined;
  return width >= 1 || (width > 0 && shape !== "LINEAR") ? { shape, center, width } : undefined;
}

/** The values that are black and white when there is no window. */
export interface Range {
  black: number;
  white: number;
  /** What the user should know about it. */
  note?: string;
}

/**
 * The range of stored values of an image without a window: that of its bits stored, or of fewer bits if it is certain that no
 * more are in use. Signed ranges extend as far below 0 as above, unless no value is negative: then 0 is black.
 *
 * @param ranges ranges of some frames
 * @param precision bits per sample of a compressed frame
 * @throws DataError with the range found if it is ambiguous
 */
export function fullRange(ranges: Extent[], image: DicomImage, precision: number | undefined): Range {
  const { bitsStored, signed } = image;
  if (bitsStored <= 8) return declaredRange(image);
  const least = Math.min(...ranges.map((range) => range.least));
  const greatest = Math.max(...ranges.map((range) => range.greatest));
  const found = `has no window, and levels ${least} to ${greatest} of ${signed ? "signed " : ""}${bitsStored} bits`;
  if (least < 0) {
    // A picture that spans only a quarter of the levels would be grey all over.
    if (!isDim(greatest - least, bitsStored)) return declaredRange(image);
  } else {
    const declared =
      precision !== undefined && greatest < 2 ** precision ? Math.min(precision, bitsStored) : bitsStored;
    const bits = bitsInUse(greatest, declared);
    if (bits !== undefined) {
      // One bit of a signed value is the sign.
      const white = 2 ** (signed ? Math.min(bits, bitsStored - 1) : bits) - 1;
      const told = bits < declared ? `: read as ${bits} bits` : isDim(greatest, bits) ? ", which makes it dim" : "";
      const black = signed ? `${told === "" ? ": " : ", "}0 is black` : "";
      return { black: 0, white, ...(told + black === "" ? {} : { note: `${found}${told}${black}` }) };
    }
  }
  throw new DataError(
    `is a DICOM image without a window whose levels, ${least} to ${greatest} of ${bitsStored} bits, do not show what is white`,
  );
}

const declaredRange = ({ bitsStored, signed }: DicomImage): Range => {
  const levels = 2 ** bitsStored;
  return signed ? { black: -levels / 2, white: levels / 2 - 1 } : { black: 0, white: levels - 1 };
};

/** Renders grey levels 0 to 255. `range` is required if there is neither a VOI stage nor a modality LUT. */
export function renderGrey(values: Stored, stages: GreyStages, range: Range | undefined): Uint8Array {
  const level = levelOf(stages, range);
  const out = new Uint8Array(values.length);
  const { least, greatest } = rangeOf(values);
  // Values repeat: compute each once, unless there are more possible values than pixels.
  if (greatest - least < Math.max(values.length, 2 ** 16)) {
    const table = Uint8Array.from({ length: greatest - least + 1 }, (_, i) => level(least + i));
    for (let i = 0; i < out.length; i++) out[i] = table[values[i]! - least]!;
  } else {
    for (let i = 0; i < out.length; i++) out[i] = level(values[i]!);
  }
  return out;
}

function levelOf({ modality, voi, inverted }: GreyStages, range: Range | undefined): (stored: number) => number {
  const rescale =
    "entries" in modality
      ? (stored: number) => lookUp(modality, stored)
      : (stored: number) => stored * modality.slope + modality.intercept;
  const share = voi ? voiShare(voi) : fullShare(modality, rescale, range);
  return (stored) => {
    const level = Math.round(255 * Math.min(1, Math.max(0, share(rescale(stored)))));
    return inverted ? 255 - level : level;
  };
}

/** Maps black to 0 and white to 1. */
function fullShare(modality: GreyStages["modality"], rescale: (stored: number) => number, range: Range | undefined) {
  if ("entries" in modality) {
    const white = whiteOf(modality);
    return (value: number) => value / white;
  }
  if (!range) throw new RangeError("an image without a window needs the range of its values");
  // A negative slope swaps black and white, as it does with a window.
  const ends = [rescale(range.black), rescale(range.white)];
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  return (value: number) => (value - low) / (high - low);
}

/** PS3.3 C.11.2.1.2 and C.11.2.1.3. */
function voiShare(voi: Lut | Window): (value: number) => number {
  if ("entries" in voi) {
    const white = whiteOf(voi);
    return (value) => lookUp(voi, Math.round(value)) / white;
  }
  const { shape, center: c, width: w } = voi;
  switch (shape) {
    case "LINEAR":
      return (x) => (x <= c - 0.5 - (w - 1) / 2 ? 0 : x > c - 0.5 + (w - 1) / 2 ? 1 : (x - (c - 0.5)) / (w - 1) + 0.5);
    case "LINEAR_EXACT":
      return (x) => (x - c) / w + 0.5;
    case "SIGMOID":
      return (x) => 1 / (1 + Math.exp((-4 * (x - c)) / w));
  }
}
