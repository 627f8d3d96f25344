/**
 * Renders DICOM files as viewers show them: ./file.ts reads the data set, ./frames.ts locates a frame's bytes, and these are
 * decoded, masked to the bits stored, converted to grey levels or colours, and resampled to square pixels.
 */
import type { PictureSize } from "../annotation-frame.ts";
import { DataError } from "../sample.ts";
import { type Codestream, codestreamOf } from "./codestream.ts";
import {
  coloursOf,
  greyColours,
  INTERLEAVED,
  paletteColours,
  planes,
  type Strides,
  toBytes,
  wholeColours,
} from "./colour.ts";
import { damaged } from "./elements.ts";
import { type DicomFile, readDicom } from "./file.ts";
import { compressedFrames, type Frames, nativeFrames } from "./frames.ts";
import { pictureSize, stretch } from "./geometry.ts";
import { fullRange, greyStages, type Range, renderGrey } from "./grey.ts";
import { type DicomImage, imageOf, isColour, isHalved, type Photometric, requirePixels } from "./image.ts";
import { type Palette, paletteOf } from "./luts.ts";
import { decodeRle } from "./rle.ts";
import { type Extent, rangeOf, type Stored, storedValues } from "./samples.ts";
import type { Compression } from "./syntaxes.ts";

/**
 * Decodes a compressed frame to 8-bit or little-endian 16-bit samples, interleaved unless the header says planar, without colour
 * conversion.
 */
export type Decode = (
  frame: Uint8Array,
  compression: Exclude<Compression, "rle">,
  header: Codestream,
) => Promise<Uint8Array>;

export interface Picture {
  width: number;
  height: number;
  /** Interleaved red, green, blue, alpha. */
  rgba: Uint8Array;
  /** What the user should know about the file. */
  note?: string;
}

export interface Dicom {
  size: PictureSize;
  frames: number;
  /** A frame, counted from 1. @throws DataError without the file's name */
  render(frame: number): Promise<Picture>;
}

/** Reads a file's header; frames are decoded only when rendered. @throws DataError without the file's name */
export function openDicom(bytes: Uint8Array, decode: Decode): Dicom {
  const file = readDicom(bytes);
  const pixels = requirePixels(file.set, file.pixels);
  const image = imageOf(file.set, pixels);
  const size = pictureSize(file.set, image);
  const frames = framesOf(file, image, pixels);
  const renderer = new Renderer(file, image, frames, decode);
  return {
    size,
    frames: image.frames,
    render: async (frame) => {
      if (!(Number.isSafeInteger(frame) && frame >= 1 && frame <= image.frames)) {
        throw new DataError(
          `is a DICOM file of ${image.frames} ${image.frames === 1 ? "frame" : "frames"}: it has no frame ${frame}`,
        );
      }
      const { rgba, note } = await renderer.render(frame - 1);
      const { width, height, stored } = size;
      const notes = [
        note,
        stored && `its pixels are not square: resized from ${stored.width}x${stored.height} to ${width}x${height}`,
      ];
      const said = notes.filter((text) => text !== undefined).join("; ");
      return {
        width,
        height,
        rgba: stored ? stretch(rgba, stored, size) : rgba,
        ...(said === "" ? {} : { note: said }),
      };
    },
  };
}

function framesOf({ set, syntax }: DicomFile, image: DicomImage, pixels: NonNullable<DicomFile["pixels"]>): Frames {
  const { compression } = syntax;
  if (compression === undefined) return nativeFrames(set.bytes, image, pixels);
  if (image.bitsAllocated === 1) throw damaged("its pixels have 1 bit, but are compressed");
  return compressedFrames(set, image, pixels, compression);
}

/** A frame's samples. */
interface Decoded {
  values: Stored;
  strides: Strides;
  /** Colour space after decoding. */
  photometric: Photometric;
  /** Bits per sample from a compressed frame's own header. */
  precision: number | undefined;
}

/** Number of frames examined to find which bits are in use. */
const LOOKED_AT = 5;

class Renderer {
  readonly #file: DicomFile;
  readonly #image: DicomImage;
  readonly #frames: Frames;
  readonly #decode: Decode;
  #palette: Palette | undefined;
  #range: Promise<Range> | undefined;

  constructor(file: DicomFile, image: DicomImage, frames: Frames, decode: Decode) {
    this.#file = file;
    this.#image = image;
    this.#frames = frames;
    this.#decode = decode;
  }

  /** The frame's stored pixels as interleaved RGBA. */
  async render(frame: number): Promise<Pick<Picture, "rgba" | "note">> {
    const { set } = this.#file;
    const image = this.#image;
    if (image.photometric === "PALETTE COLOR") {
      this.#palette ??= paletteOf(set, image.signed);
      return { rgba: paletteColours((await this.#decoded(frame)).values, this.#palette) };
    }
    if (isColour(image.photometric)) {
      const decoded = await this.#decoded(frame);
      const { note, ...range } = await this.#rangeFor(decoded);
      const rgba = coloursOf(toBytes(decoded.values, range), decoded.strides, decoded.photometric);
      return { rgba, ...(note === undefined ? {} : { note }) };
    }
    const stages = greyStages(set, image, frame);
    const decoded = await this.#decoded(frame);
    const needsRange = stages.voi === undefined && !("entries" in stages.modality);
    const range = needsRange ? await this.#rangeFor(decoded) : undefined;
    const rgba = greyColours(renderGrey(decoded.values, stages, range));
    return { rgba, ...(range?.note === undefined ? {} : { note: range.note }) };
  }

  /** One range for all frames, so a dark one is not brightened. @throws DataError for a frame that exceeds it */
  async #rangeFor({ values }: Decoded): Promise<Range> {
    if (this.#image.bitsStored <= 8) return fullRange([], this.#image, undefined);
    this.#range ??= this.#rangeOfSome();
    const range = await this.#range;
    const { least, greatest } = rangeOf(values);
    if (least < range.black || greatest > range.white) {
      throw new DataError(
        `is a multi-frame DICOM image: some frames have levels ${range.black} to ${range.white}, but one goes beyond these`,
      );
    }
    return range;
  }

  async #rangeOfSome(): Promise<Range> {
    const { frames } = this.#image;
    const count = Math.min(frames, LOOKED_AT);
    const ranges: Extent[] = [];
    let precision: number | undefined;
    for (let i = 0; i < count; i++) {
      const decoded = await this.#decoded(count === 1 ? 0 : Math.round((i * (frames - 1)) / (count - 1)));
      ranges.push(rangeOf(decoded.values));
      precision = decoded.precision;
    }
    return fullRange(ranges, this.#image, precision);
  }

  async #decoded(frame: number): Promise<Decoded> {
    const { syntax, pixels } = this.#file;
    const image = this.#image;
    const bytes = this.#frames(frame);
    const count = image.rows * image.columns;
    if (syntax.compression !== undefined) return this.#decompressed(bytes, syntax.compression, count);
    const { littleEndian } = syntax;
    const swapped = !littleEndian && image.bitsAllocated <= 8 && pixels?.vr === "OW";
    const halved = isHalved(image);
    const values = storedValues({ bytes, littleEndian, swapped }, image, (halved ? 2 : image.samples) * count);
    const photometric = nativeColours(image.photometric);
    const rest = { photometric, precision: undefined };
    if (halved) return { values: wholeColours(values, image), strides: INTERLEAVED, ...rest };
    return { values, strides: image.planar ? planes(count) : INTERLEAVED, ...rest };
  }

  async #decompressed(bytes: Uint8Array, compression: Compression, count: number): Promise<Decoded> {
    const image = this.#image;
    const total = count * image.samples;
    const words = { littleEndian: true, swapped: false };
    if (compression === "rle") {
      const decoded = decodeRle(bytes, count, image.samples, image.bitsAllocated / 8);
      const values = storedValues({ bytes: decoded, ...words }, image, total);
      return { values, strides: planes(count), photometric: nativeColours(image.photometric), precision: undefined };
    }
    const header = codestreamOf(bytes, compression);
    requireSame(header, image);
    const decoded = await this.#decode(bytes, compression, header);
    const bitsAllocated = header.precision > 8 ? 16 : 8;
    if (decoded.length !== (total * bitsAllocated) / 8) throw damaged("it has more or fewer pixels than it says");
    const bits = bitsOf(header, image, bitsAllocated);
    const values = storedValues({ bytes: decoded, ...words }, { ...image, ...bits }, total);
    const photometric = decodedColours(image.photometric, compression, header);
    const strides = header.planar ? planes(count) : INTERLEAVED;
    return { values, strides, photometric, precision: header.precision };
  }
}

/** Guards against a damaged header that could let a decoder write anywhere, or show the wrong picture. @throws DataError */
function requireSame({ width, height, components, precision, signed }: Codestream, image: DicomImage): void {
  if (width !== image.columns || height !== image.rows) {
    throw damaged(`its pixels are ${width}x${height}, but it says ${image.columns}x${image.rows}`);
  }
  if (components !== image.samples)
    throw damaged(`its pixels have ${components} components instead of ${image.samples}`);
  if (precision > Math.min(16, image.bitsAllocated)) {
    throw damaged(`its pixels have ${precision} bits, but it says that ${image.bitsAllocated} are allocated`);
  }
  if (signed && !image.signed) throw damaged("its pixels are signed, but it says that they are not");
}

/** Where the bits stored lie in a decoder's output: at the bottom, unless the output includes the higher ones too. */
function bitsOf({ precision }: Codestream, image: DicomImage, bitsAllocated: 8 | 16) {
  if (precision > image.highBit) return { bitsAllocated };
  const bitsStored = Math.min(image.bitsStored, bitsAllocated);
  return { bitsAllocated, bitsStored, highBit: bitsStored - 1 };
}

/** @throws DataError for a colour space that exists only in JPEG 2000 */
function nativeColours(photometric: Photometric): Photometric {
  if (photometric !== "YBR_ICT" && photometric !== "YBR_RCT") return photometric;
  throw damaged(`it says ${photometric}, which only JPEG 2000 knows`);
}

/** The colour space of a decoded frame. @throws DataError if file and frame contradict each other */
function decodedColours(photometric: Photometric, compression: Compression, header: Codestream): Photometric {
  if (!isColour(photometric)) return photometric;
  if (compression === "jpeg-2000" || compression === "htj2k") {
    if (photometric === "YBR_ICT" || photometric === "YBR_RCT") return "RGB";
    if (photometric !== "RGB" && header.transformed === true) {
      throw damaged(`it says ${photometric}, but its JPEG 2000 pixels are transformed from RGB`);
    }
    return photometric;
  }
  // Trust a JPEG that states its colour space: many files declare RGB and hold YCbCr.
  if (header.transformed === false) return "RGB";
  if (header.transformed === true) return photometric === "RGB" ? "YBR_FULL" : photometric;
  return nativeColours(photometric);
}
