/**
 * Reads and writes safetensors files, PyTorch's or this project's.
 *
 * A file is: 8 bytes, the header's length as a little-endian u64; the header, a JSON object `name -> { dtype, shape,
 * data_offsets: [begin, end] }` with an optional `__metadata__` of strings; then the data, little-endian, with offsets counted
 * from the header's end. Format: https://github.com/huggingface/safetensors#format.
 *
 * Nothing in a file is trusted before it is checked, and no allocation is sized by an unverified number.
 */
import { requireBytes } from "./bytes.ts";
import { parseJson } from "./json.ts";

/** The array type for each dtype. F16 and BF16 stay raw 16-bit words; BOOL is one byte each. */
export interface SafeArrays {
  F64: Float64Array;
  F32: Float32Array;
  F16: Uint16Array;
  BF16: Uint16Array;
  I64: BigInt64Array;
  U64: BigUint64Array;
  I32: Int32Array;
  U32: Uint32Array;
  I16: Int16Array;
  U16: Uint16Array;
  I8: Int8Array;
  U8: Uint8Array;
  BOOL: Uint8Array;
}

/** Types of elements by their names in the file. */
export type SafeDtype = keyof SafeArrays;

/** Bytes of a number. */
export const bytesPerNumber = (dtype: SafeDtype): number => arrays[dtype].BYTES_PER_ELEMENT;

/** One named tensor, row-major. `data.length` is the product of `shape`; an empty shape is a scalar. */
export type SafeTensor = { [D in SafeDtype]: { dtype: D; shape: number[]; data: SafeArrays[D] } }[SafeDtype];

/** What a safetensors file holds. */
export interface SafetensorsFile {
  metadata: Record<string, string>;
  /** In the header's order. */
  tensors: Map<string, SafeTensor>;
}

/** The file, or data to be written, is not valid safetensors. The message is one line: which file or tensor, and why. */
export class SafetensorsError extends Error {
  override readonly name = "SafetensorsError";
}

interface ArrayKind {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): SafeArrays[SafeDtype];
}

const arrays: Readonly<Record<SafeDtype, ArrayKind>> = {
  F64: Float64Array,
  F32: Float32Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  I64: BigInt64Array,
  U64: BigUint64Array,
  I32: Int32Array,
  U32: Uint32Array,
  I16: Int16Array,
  U16: Uint16Array,
  I8: Int8Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
};

/** Longest header accepted, as in the reference implementation. */
const MAX_HEADER_BYTES = 100_000_000;
const METADATA = "__metadata__";

/** A tensor's entry in the header. */
interface Entry {
  dtype: SafeDtype;
  shape: number[];
  data_offsets: [begin: number, end: number];
}

/** Makes external text safe for a one-line message. */
function oneLine(text: string, limit = 160): string {
  const line = text.replace(/[\s\p{Cc}]+/gu, " ").trim();
  return line.length > limit ? `${line.slice(0, limit)}…` : line;
}

const quoted = (key: string): string => oneLine(JSON.stringify(key), 80);

const shown = (value: unknown): string => oneLine(JSON.stringify(value), 60);

/** What is wrong with a header's entry, by hand: a schema library would weigh more than all else that reads a model. */
function entryFault(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "must be an object";
  const { dtype, shape, data_offsets: offsets, ...others } = value as Partial<Record<string, unknown>>;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) return `has the unknown entry ${oneLine(unknown, 60)}`;
  if (typeof dtype !== "string" || !Object.hasOwn(arrays, dtype)) {
    return dtype === undefined
      ? "dtype is missing"
      : `dtype: ${shown(dtype)} is none of ${Object.keys(arrays).join(", ")}`;
  }
  return sizesFault("shape", shape) ?? sizesFault("data_offsets", offsets, 2);
}

/** @param count how many there must be; undefined: any number */
function sizesFault(name: string, value: unknown, count?: number): string | undefined {
  if (value === undefined) return `${name} is missing`;
  if (!Array.isArray(value)) return `${name}: must be a list`;
  if (count !== undefined && value.length !== count) return `${name}: must have ${count} entries, got ${value.length}`;
  const at = value.findIndex((size) => !Number.isSafeInteger(size) || (size as number) < 0);
  return at < 0 ? undefined : `${name}.${at}: must be a whole number from 0, got ${shown(value[at])}`;
}

const areTexts = (value: unknown): value is Record<string, string> =>
  typeof value === "object" &&
  value !== null &&
  !Array.isArray(value) &&
  Object.values(value).every((text) => typeof text === "string");

/** Number of elements; NaN if it is not an exact integer. */
function elementCount(shape: readonly number[]): number {
  let count = 1;
  for (const extent of shape) {
    count *= extent;
    if (!Number.isSafeInteger(count)) return NaN;
  }
  return count;
}

/**
 * Reads a whole file.
 *
 * Tensors are views of `bytes` where alignment allows it, otherwise copies; so leave `bytes` unchanged afterwards.
 * As the format requires, the tensors must cover the data exactly: no overlap, no gap, nothing left over.
 *
 * @param name what messages call the file
 * @throws SafetensorsError with `name` and the reason; never any other error, whatever the bytes
 * @throws TypeError if they are no bytes
 */
export function parseSafetensors(bytes: Uint8Array, name: string): SafetensorsFile {
  requireBytes(name, bytes);
  const fail = (reason: string, cause?: unknown): never => {
    throw new SafetensorsError(`${oneLine(name)}: ${reason}`, cause === undefined ? undefined : { cause });
  };
  const { header, data } = splitHeader(bytes, fail);

  let metadata: Record<string, string> = {};
  const tensors = new Map<string, SafeTensor>();
  const spans: { key: string; begin: number; end: number }[] = [];
  for (const [key, value] of Object.entries(header)) {
    if (key === METADATA) {
      if (!areTexts(value)) return fail(`${METADATA} is not an object of strings`);
      metadata = value;
      continue;
    }
    const fault = entryFault(value);
    if (fault !== undefined) return fail(`tensor ${quoted(key)}: ${fault}`);
    const entry = value as Entry;
    const { dtype } = entry;
    const [begin, end] = entry.data_offsets;
    const shape = entry.shape.map((extent) => extent + 0); // -0 becomes 0
    const count = elementCount(shape);
    if (Number.isNaN(count)) return fail(`tensor ${quoted(key)}: shape [${oneLine(shape.join(", "))}] is too large`);
    if (begin > end || end > data.length) {
      return fail(
        `tensor ${quoted(key)}: data_offsets [${begin}, ${end}] lie outside the ${data.length} bytes of data` +
          (begin > end ? " (begin after end)" : " (is the file cut short?)"),
      );
    }
    const needed = count * arrays[dtype].BYTES_PER_ELEMENT;
    if (needed !== end - begin) {
      return fail(
        `tensor ${quoted(key)}: ${dtype} [${oneLine(shape.join(", "))}] takes ${needed} bytes, ` +
          `data_offsets [${begin}, ${end}] hold ${end - begin}`,
      );
    }
    spans.push({ key, begin, end });
    tensors.set(key, viewTensor(data, dtype, shape, begin, count));
  }

  spans.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let covered = 0;
  for (const { key, begin, end } of spans) {
    if (begin < covered)
      return fail(`tensor ${quoted(key)}: data overlaps the tensor before it (${begin} < ${covered})`);
    if (begin > covered) return fail(`bytes ${covered} to ${begin} of the data belong to no tensor`);
    covered = end;
  }
  if (covered !== data.length) return fail(`${data.length - covered} bytes after the last tensor belong to no tensor`);
  return { metadata, tensors };
}

function splitHeader(bytes: Uint8Array, fail: (reason: string, cause?: unknown) => never) {
  if (bytes.length < 8) return fail(`only ${bytes.length} bytes long, too short for safetensors`);
  const claimed = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  if (claimed > BigInt(MAX_HEADER_BYTES)) {
    return fail(`header length ${claimed.toString()} is above ${MAX_HEADER_BYTES}; not a safetensors file?`);
  }
  const length = Number(claimed);
  if (length > bytes.length - 8) {
    return fail(
      `header length ${length} is more than the ${bytes.length - 8} bytes that follow; is the file cut short?`,
    );
  }
  let header: unknown;
  try {
    // A copy: TextDecoder refuses shared memory in browsers.
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes.slice(8, 8 + length));
    header = parseJson(text);
  } catch (error) {
    return fail(`header is not JSON: ${oneLine(error instanceof Error ? error.message : String(error))}`, error);
  }
  if (typeof header !== "object" || header === null || Array.isArray(header)) {
    return fail("header is not a JSON object");
  }
  return { header: header as Record<string, unknown>, data: bytes.subarray(8 + length) };
}

/** A tensor of `count` numbers that begin at byte `begin`: a view where alignment allows it, else a copy. */
export function viewTensor(
  data: Uint8Array,
  dtype: SafeDtype,
  shape: number[],
  begin: number,
  count: number,
): SafeTensor {
  const kind = arrays[dtype];
  const end = begin + count * kind.BYTES_PER_ELEMENT;
  const aligned = (data.byteOffset + begin) % kind.BYTES_PER_ELEMENT === 0;
  // Not data.slice(): on Node's Buffers that returns a view, too.
  const source = aligned ? data.subarray(begin, end) : Uint8Array.from(data.subarray(begin, end));
  const view = new kind(source.buffer, source.byteOffset, count);
  return { dtype, shape, data: view } as SafeTensor; // dtype and array were looked up together
}

/**
 * Serialises a whole file. The same arguments give the same bytes: the header lists the tensors in the order given, and the
 * data follow by descending element size (then as given), so that every tensor is aligned without gaps.
 *
 * @param tensors a Map, or its entries
 * @throws SafetensorsError naming the tensor whose data do not match its dtype and shape, or whose name is invalid
 */
export function serializeSafetensors(
  tensors: Iterable<readonly [string, SafeTensor]>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const entries = [...tensors].map(([key, tensor]) => {
    checkTensor(key, tensor);
    return { key, tensor, begin: 0 };
  });
  if (new Set(entries.map((entry) => entry.key)).size !== entries.length) {
    throw new SafetensorsError("two tensors have the same name");
  }
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== "string") throw new SafetensorsError(`metadata ${quoted(key)} is not a string`);
  }
  const bySize = [...entries].sort((a, b) => b.tensor.data.BYTES_PER_ELEMENT - a.tensor.data.BYTES_PER_ELEMENT);
  let total = 0;
  for (const entry of bySize) {
    entry.begin = total;
    total += entry.tensor.data.byteLength;
  }
  // Serialised by hand, since objects move integer-like keys to the front.
  const fields = entries.map(({ key, tensor: { dtype, shape, data }, begin }) => {
    const value = { dtype, shape, data_offsets: [begin, begin + data.byteLength] };
    return `${JSON.stringify(key)}:${JSON.stringify(value)}`;
  });
  if (Object.keys(metadata).length > 0) fields.unshift(`"${METADATA}":${JSON.stringify(metadata)}`);
  const text = new TextEncoder().encode(`{${fields.join(",")}}`);
  const length = Math.ceil(text.length / 8) * 8;
  if (length > MAX_HEADER_BYTES) throw new SafetensorsError(`a header of ${length} bytes is above ${MAX_HEADER_BYTES}`);

  const bytes = new Uint8Array(8 + length + total);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.fill(0x20, 8, 8 + length);
  bytes.set(text, 8);
  for (const { tensor, begin } of bySize) {
    const { buffer, byteOffset, byteLength } = tensor.data;
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), 8 + length + begin);
  }
  return bytes;
}

function checkTensor(key: string, { dtype, shape, data }: SafeTensor): void {
  const fail = (reason: string): never => {
    throw new SafetensorsError(`tensor ${quoted(key)}: ${reason}`);
  };
  if (key === METADATA) fail("this name is reserved");
  if (!Object.hasOwn(arrays, dtype)) fail(`unknown dtype ${oneLine(dtype)}`);
  if (!(data instanceof arrays[dtype]))
    fail(`dtype ${dtype} needs ${arrays[dtype].name}, got ${data.constructor.name}`);
  if (!shape.every((extent) => Number.isSafeInteger(extent) && extent >= 0)) {
    fail(`shape [${oneLine(shape.join(", "))}] is not one of non-negative integers`);
  }
  if (elementCount(shape) !== data.length) {
    fail(`shape [${oneLine(shape.join(", "))}] does not fit ${data.length} elements`);
  }
}
