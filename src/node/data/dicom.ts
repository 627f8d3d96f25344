/**
 * DICOM files to grey levels: uncompressed, RLE, JPEG and its successors, with dcmjs-imaging (its codecs are WebAssembly).
 * A film has frames, counted from 1.
 */
import { createRequire } from "node:module";
import type { DicomImage, NativePixelDecoder, WindowLevel } from "dcmjs-imaging";
import type { PictureSize } from "../../data/annotation-frame.ts";
import { DataError, reasonOf } from "../../data/sample.ts";

/** Larger images are refused before memory is taken for them: a damaged header can claim 65535 x 65535. */
const MOST_PIXELS = 2 ** 26;

interface Library {
  DicomImage: typeof DicomImage;
  NativePixelDecoder: typeof NativePixelDecoder;
  WindowLevel: typeof WindowLevel;
  log: { setLevel(level: "silent"): void };
}

/** Whether the bytes are a DICOM file: 128 bytes of anything, then "DICM". */
export function isDicom(bytes: Uint8Array): boolean {
  return bytes.length > 132 && String.fromCharCode(...bytes.subarray(128, 132)) === "DICM";
}

let loading: Promise<Library> | undefined;

/** Loads the library at the first DICOM file, once a thread. */
function load(): Promise<Library> {
  return (loading ??= (async () => {
    const require = createRequire(import.meta.url);
    const library = require("dcmjs-imaging") as Library;
    await library.NativePixelDecoder.initializeAsync();
    silence(require, library);
    return library;
  })());
}

/** Both libraries tell of damaged files on the console as well as by what they throw. */
function silence(require: NodeJS.Require, library: Library): void {
  library.log.setLevel("silent");
  const inner = createRequire(require.resolve("dcmjs-imaging"));
  const { log } = inner("dcmjs") as { log: Library["log"] & { getLogger(name: string): Library["log"] } };
  for (const logger of [log, log.getLogger("validation.dcmjs")]) logger.setLevel("silent");
}

/** A damaged file can leave the codecs' memory in disorder: the next file gets new ones. */
function renew(library: Library): void {
  library.NativePixelDecoder.release();
  loading = undefined;
}

/** The image that a file holds, unrendered. @throws DataError without the file's name */
async function open(bytes: Uint8Array) {
  const library = await load();
  const image = read(() => new library.DicomImage(bytes.slice().buffer));
  const [width, height, frames] = read(() => [image.getWidth(), image.getHeight(), image.getNumberOfFrames()] as const);
  if (!(Number.isSafeInteger(width) && Number.isSafeInteger(height) && width > 0 && height > 0)) {
    throw new DataError("is not a readable DICOM image: it does not say how large it is");
  }
  if (width * height > MOST_PIXELS) throw new DataError(`is a DICOM image of ${width}x${height}: too large`);
  return { library, image, width, height, frames: Math.max(1, frames) };
}

/** What the library throws is the file's fault. */
function read<T>(use: () => T, failed: () => void = () => {}): T {
  try {
    return use();
  } catch (error) {
    failed();
    throw new DataError(`is not a readable DICOM image: ${reasonOf(error)}`);
  }
}

/** @throws DataError without the file's name */
export async function dicomSize(bytes: Uint8Array): Promise<PictureSize & { frames: number }> {
  const { width, height, frames } = await open(bytes);
  return { width, height, frames };
}

/**
 * The picture as a viewer shows it: rescaled, through the file's window where it has one, inverted where 0 is white. A grey
 * image without a window keeps its levels: all bits stored are scaled to 8, whatever the least and greatest level in it.
 *
 * @returns interleaved red, green, blue, alpha
 * @throws DataError without the file's name
 */
export async function renderDicom(
  bytes: Uint8Array,
  frame = 1,
): Promise<{ width: number; height: number; rgba: Uint8Array }> {
  const { library, image, width, height, frames } = await open(bytes);
  const element = (tag: string) => image.getElement(tag);
  requirePixels(image, frames * width * height, bytes.length);
  requireFragments(image, bytes);
  const hasWindow = element("WindowWidth") !== undefined || element("VOILUTSequence") !== undefined;
  const grey = (element("PhotometricInterpretation") ?? "").startsWith("MONOCHROME");
  const bits = Number(element("BitsStored") ?? 8);
  const range = 2 ** bits;
  const signed = Number(element("PixelRepresentation") ?? 0) === 1;
  const slope = Number(element("RescaleSlope") ?? 1);
  const intercept = Number(element("RescaleIntercept") ?? 0);
  const middle = (signed ? 0 : range / 2) * slope + intercept;
  // The library cuts off fractions: a quarter of a level more keeps every level what it is.
  const level = middle - slope / 4;
  const windowLevel = grey && !hasWindow ? { windowLevel: new library.WindowLevel(range * slope, level) } : {};
  // Another file may have made new codecs necessary in the meantime.
  while (!library.NativePixelDecoder.isInitialized()) await load();
  const rendered = read(
    () => image.render({ frame: frame - 1, renderOverlays: false, ...windowLevel }),
    () => renew(library),
  );
  const rgba = new Uint8Array(rendered.pixels);
  if (rendered.width !== width || rendered.height !== height || rgba.length !== 4 * width * height) {
    throw new DataError("is not a readable DICOM image: its pixels are not as many as it says");
  }
  return { width, height, rgba };
}

/** Transfer syntaxes in which pixels lie as they are. */
const UNCOMPRESSED = new Set([
  "1.2.840.10008.1.2",
  "1.2.840.10008.1.2.1",
  "1.2.840.10008.1.2.2",
  "1.2.840.10008.1.2.1.99",
]);

/** The library takes pixels that are missing for black: half a picture is no sample. @throws DataError */
function requirePixels(image: DicomImage, pixels: number, fileBytes: number): void {
  if (!UNCOMPRESSED.has(image.getTransferSyntaxUid())) return;
  const number = (tag: string, otherwise: number) => Number(image.getElement(tag) ?? otherwise);
  const samples = number("SamplesPerPixel", 1);
  // Two pixels share their colours.
  const perPixel = image.getElement("PhotometricInterpretation") === "YBR_FULL_422" ? 2 : samples;
  const needed = Math.ceil((pixels * perPixel * number("BitsAllocated", 8)) / 8);
  const data = image.getElement("PixelData") as unknown;
  const parts = (Array.isArray(data) ? data : [data]) as (ArrayBufferLike | ArrayBufferView | undefined)[];
  // Where the file is cut off, the library fills up what it reads.
  const deflated = image.getTransferSyntaxUid().endsWith(".99");
  const claimed = parts.reduce((sum, part) => sum + (part?.byteLength ?? 0), 0);
  const present = deflated ? claimed : Math.min(claimed, fileBytes);
  if (!(present >= needed)) {
    throw new DataError(`is not a readable DICOM image: it has ${present} bytes of pixels instead of ${needed}`);
  }
}

/** PixelData of undefined length: tag 7FE0,0010, OB or OW, two zeros, FFFFFFFF. */
const FRAGMENTED = ["OB", "OW"].map((vr) =>
  Uint8Array.of(0xe0, 0x7f, 0x10, 0, ...[...vr].map((c) => c.charCodeAt(0)), 0, 0, 255, 255, 255, 255),
);
const ITEM = 0xe000fffe;
const END = 0xe0ddfffe;

/** Compressed pixels lie in items up to a delimiter; a file that was cut off does not reach it. @throws DataError */
function requireFragments(image: DicomImage, bytes: Uint8Array): void {
  if (UNCOMPRESSED.has(image.getTransferSyntaxUid())) return;
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // An icon may come before the picture.
  const begin = Math.max(...FRAGMENTED.map((pattern) => file.lastIndexOf(pattern)));
  let at = begin + FRAGMENTED[0]!.length;
  while (begin >= 0 && at + 8 <= file.length) {
    const tag = file.readUInt32LE(at);
    if (tag === END) return;
    if (tag !== ITEM) break;
    at += 8 + file.readUInt32LE(at + 4);
  }
  throw new DataError("is not a readable DICOM image: it is cut off or damaged in its pixels");
}
