/** Reads DICOM files (PS3.10 section 7): with or without a preamble, with or without file meta information, deflated. */
import { Inflate } from "fflate";
import { DataError, reasonOf } from "../sample.ts";
import { damaged, type DataSet, type Element, parseDataSet, PIXEL_DATA } from "./elements.ts";
import { imageOf, nativeBytes } from "./image.ts";
import {
  EXPLICIT_BIG_ENDIAN,
  EXPLICIT_LITTLE_ENDIAN,
  IMPLICIT_LITTLE_ENDIAN,
  type Syntax,
  syntaxOf,
} from "./syntaxes.ts";

export interface DicomFile {
  set: DataSet;
  syntax: Syntax;
  /** The pixel data element; undefined if there is none. */
  pixels: Element | undefined;
}

const TRANSFER_SYNTAX = 0x00020010;
const SOP_CLASS = 0x00080016;
const MEDIA_SOP_CLASS = 0x00020002;
const ROWS = 0x00280010;
const COLUMNS = 0x00280011;
/** File meta information is exactly group 2. */
const afterMeta = (tag: number) => tag >>> 16 !== 2;
const afterSize = (tag: number) => tag > COLUMNS;

/** Whether the bytes are a DICOM file: 128 arbitrary bytes, then "DICM"; or elements that can be nothing else. */
export function isDicom(bytes: Uint8Array): boolean {
  return hasPreamble(bytes) || rawSyntax(bytes) !== undefined;
}

const hasPreamble = (bytes: Uint8Array) =>
  bytes.length > 132 && String.fromCharCode(...bytes.subarray(128, 132)) === "DICM";

/**
 * The encoding of a file without a preamble; undefined for other files. Such a file begins with group 2 or 8, its first elements
 * have ascending tags, and they include a DICOM UID, or rows and columns.
 */
function rawSyntax(bytes: Uint8Array): Syntax | undefined {
  const [a, b] = [bytes[0]! | (bytes[1]! << 8), (bytes[0]! << 8) | bytes[1]!];
  if (bytes.length < 32 || !(a === 2 || a === 8 || b === 8)) return undefined;
  if (a === 2) return reads(bytes, EXPLICIT_LITTLE_ENDIAN, afterMeta) ? EXPLICIT_LITTLE_ENDIAN : undefined;
  const syntaxes = a === 8 ? [EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN] : [EXPLICIT_BIG_ENDIAN];
  return syntaxes.find((syntax) => reads(bytes, syntax, afterSize));
}

function reads(bytes: Uint8Array, syntax: Syntax, stop: (tag: number) => boolean): boolean {
  try {
    const { set } = parseDataSet(bytes, 0, syntax, stop);
    const tags = [...set.elements.keys()];
    if (!tags.every((tag, i) => i === 0 || tag > tags[i - 1]!)) return false;
    if (syntax.explicit && ![...set.elements.values()].every(({ vr }) => /^[A-Z]{2}$/.test(vr ?? ""))) return false;
    const known = [SOP_CLASS, MEDIA_SOP_CLASS, TRANSFER_SYNTAX].some((tag) =>
      set.text(tag).startsWith("1.2.840.10008."),
    );
    return known || [ROWS, COLUMNS].every((tag) => set.elements.get(tag)?.length === 2);
  } catch {
    return false;
  }
}

/** The file's data set up to its pixel data, inflated if deflated. @throws DataError */
export function readDicom(bytes: Uint8Array): DicomFile {
  const start = hasPreamble(bytes) ? 132 : 0;
  const raw = start === 0 ? rawSyntax(bytes) : undefined;
  if (start === 0 && !raw) throw damaged("it does not begin like a DICOM file");
  // File meta information is always explicit little endian.
  const groupTwo = bytes[start] === 2 && bytes[start + 1] === 0;
  const meta = groupTwo ? parseDataSet(bytes, start, EXPLICIT_LITTLE_ENDIAN, afterMeta) : undefined;
  const from = meta?.end ?? start;
  const syntax = declared(meta?.set) ?? sniffed(bytes, from);
  if (syntax.deflated) return inflated(bytes.subarray(from), syntax);
  const { set, pixels } = parseDataSet(bytes, from, matched(bytes, from, syntax));
  return { set, syntax, pixels };
}

function declared(meta: DataSet | undefined): Syntax | undefined {
  const uid = meta?.text(TRANSFER_SYNTAX) ?? "";
  if (uid === "") return undefined;
  const syntax = syntaxOf(uid);
  if ("refused" in syntax) throw new DataError(`is a DICOM file of ${syntax.refused}: not supported`);
  return syntax;
}

/** Guesses from the first element: two capital letters are a value representation, as no plausible length looks like that. */
function sniffed(bytes: Uint8Array, at: number): Syntax {
  if (!spelled(bytes, at)) return IMPLICIT_LITTLE_ENDIAN;
  return bytes[at] === 0 ? EXPLICIT_BIG_ENDIAN : EXPLICIT_LITTLE_ENDIAN;
}

const spelled = (bytes: Uint8Array, at: number) =>
  /^[A-Z]{2}$/.test(String.fromCharCode(bytes[at + 4] ?? 0, bytes[at + 5] ?? 0));

/** Some writers declare explicit VR and write implicit, or the other way round. */
function matched(bytes: Uint8Array, at: number, syntax: Syntax): Syntax {
  return { ...syntax, explicit: spelled(bytes, at) };
}

/** Upper bound on what precedes the pixels: patient, study, icons, functional groups of thousands of frames. */
const HEADER = 2 ** 23;
/** Upper bound on inflated bytes. Nobody deflates a larger data set. */
const MAX_INFLATED_BYTES = 2 ** 28;
/** Compressed bytes per step. Deflate expands a byte to at most 1,032, so a step to 4 MB. */
const STEP = 4096;

/**
 * Inflates a data set (PS3.5 A.5), but no further than its pixels need.
 *
 * @throws DataError also for more data than rows, columns and frames explain
 */
function inflated(deflated: Uint8Array, syntax: Syntax): DicomFile {
  const out = new Growing();
  const inflate = new Inflate((chunk) => out.add(chunk));
  let limit = HEADER;
  let parsed: ReturnType<typeof parseDataSet> | undefined;
  let complete = false;
  try {
    for (let at = 0; at < deflated.length && out.length <= limit; at += STEP) {
      const last = at + STEP >= deflated.length;
      inflate.push(deflated.subarray(at, at + STEP), last);
      complete = last;
      if (out.length > limit && !parsed) {
        parsed = headerOf(out.bytes(), syntax);
        limit = parsed.end + neededBytes(parsed) + HEADER;
        if (limit > MAX_INFLATED_BYTES)
          throw new DataError(`is a deflated DICOM file of more than ${MAX_INFLATED_BYTES} bytes: too large`);
      }
    }
  } catch (error) {
    if (error instanceof DataError) throw error;
    throw damaged(`it is cut off or damaged in its pixels (${reasonOf(error)})`);
  }
  if (out.length > limit || !complete) {
    throw damaged(`it inflates to more than the ${limit} bytes that its rows, columns and frames need`);
  }
  const { set, pixels } = parseDataSet(out.bytes(), 0, matched(out.bytes(), 0, syntax));
  return { set, syntax, pixels };
}

function headerOf(bytes: Uint8Array, syntax: Syntax) {
  let parsed: ReturnType<typeof parseDataSet> | undefined;
  try {
    parsed = parseDataSet(bytes, 0, matched(bytes, 0, syntax));
  } catch {
    // Expected: the data end where inflating stopped.
  }
  if (!parsed?.pixels) throw damaged(`it inflates to more than ${HEADER} bytes before its pixels begin`);
  return parsed;
}

/** Bytes that native pixels need according to the data set. @throws DataError */
function neededBytes({ set, pixels }: ReturnType<typeof parseDataSet>): number {
  if (pixels?.tag !== PIXEL_DATA) return 0;
  const image = imageOf(set, pixels);
  return nativeBytes(image, image.frames);
}

/** A byte buffer that grows as chunks arrive. */
class Growing {
  length = 0;
  #bytes = new Uint8Array(2 ** 16);

  add(chunk: Uint8Array): void {
    if (this.length + chunk.length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(2 * this.#bytes.length, this.length + chunk.length));
      grown.set(this.#bytes.subarray(0, this.length));
      this.#bytes = grown;
    }
    this.#bytes.set(chunk, this.length);
    this.length += chunk.length;
  }

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }
}
