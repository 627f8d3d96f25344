/** Tensors as PyTorch pickles them: a window, with strides, on numbers that are kept elsewhere in the file. */
import { bytesPerNumber, viewTensor, type SafeDtype, type SafeTensor } from "../safetensors.ts";

/** PyTorch's classes of storages, and the numbers in them. */
const STORAGES: Readonly<Record<string, SafeDtype>> = {
  DoubleStorage: "F64",
  FloatStorage: "F32",
  HalfStorage: "F16",
  BFloat16Storage: "BF16",
  LongStorage: "I64",
  IntStorage: "I32",
  ShortStorage: "I16",
  CharStorage: "I8",
  ByteStorage: "U8",
  BoolStorage: "BOOL",
};

export class StorageType {
  readonly dtype: SafeDtype;
  /** Bytes of a number. */
  readonly size: number;

  private constructor(dtype: SafeDtype) {
    this.dtype = dtype;
    this.size = bytesPerNumber(dtype);
  }

  static named(name: string): StorageType | undefined {
    return Object.hasOwn(STORAGES, name) ? new StorageType(STORAGES[name]!) : undefined;
  }
}

/** Numbers that several tensors may share. */
export interface Storage {
  readonly type: StorageType;
  /** Its name in the file. */
  readonly key: string;
  /** How many numbers. */
  readonly count: number;
  /** Where it begins in what `key` names, in numbers: an old file may keep one storage as a part of another. */
  readonly from: number;
}

/** A tensor whose numbers are not read yet. */
export class TensorRef {
  readonly storage: Storage;
  /** In numbers. */
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];

  constructor(storage: Storage, offset: number, shape: readonly number[], strides: readonly number[]) {
    this.storage = storage;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }

  get bytes(): number {
    return countOf(this.shape) * this.storage.type.size;
  }
}

/** Without the file's name. */
export class TensorFault extends Error {
  override readonly name = "TensorFault";
}

const countOf = (shape: readonly number[]): number => shape.reduce((product, extent) => product * extent, 1);

const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/**
 * What `torch._utils._rebuild_tensor_v2(storage, offset, size, stride, …)` makes.
 *
 * @throws TensorFault for one that lies outside its storage, or repeats it so often that no model would
 */
export function tensorRef(storage: Storage, offset: unknown, shape: unknown, strides: unknown): TensorRef {
  const areSizes = (list: unknown): list is number[] => Array.isArray(list) && list.every(isSize);
  if (!isSize(offset) || !areSizes(shape) || !areSizes(strides) || shape.length !== strides.length) {
    throw new TensorFault("has a shape, strides or an offset that are none");
  }
  const count = countOf(shape);
  const last = shape.reduce((sum, extent, axis) => sum + (extent - 1) * strides[axis]!, offset);
  if (count > 0 && !(last < storage.count)) throw new TensorFault("lies outside the numbers that are kept for it");
  if (!(count <= Math.max(storage.count, MOST_REPEATED))) {
    throw new TensorFault(`has ${count} numbers, but only ${storage.count} are kept for it`);
  }
  return new TensorRef(storage, offset, shape, strides);
}

/** Numbers that a tensor of strides 0 may have, as of `expand`. */
const MOST_REPEATED = 2 ** 20;

/** @param bytes of what the storage's key names, in the machine's order */
export function readTensor({ storage, offset, shape, strides }: TensorRef, bytes: Uint8Array): SafeTensor {
  const { type, from, count: kept } = storage;
  const { dtype, size } = type;
  const begin = from * size;
  const end = begin + kept * size;
  if (end > bytes.length) {
    throw new TensorFault(`needs ${end} bytes, of which ${bytes.length} are there: is the file cut short?`);
  }
  const count = countOf(shape);
  // A copy always: its beginning must be aligned, and tensors that share numbers become independent ones.
  const data = new Uint8Array(count * size);
  if (count === 0) return viewTensor(data, dtype, [...shape], 0, count);
  if (isContiguous(shape, strides)) {
    data.set(bytes.subarray(begin + offset * size, begin + (offset + count) * size));
    return viewTensor(data, dtype, [...shape], 0, count);
  }
  const at = shape.map(() => 0);
  let source = offset;
  for (let i = 0; i < count; i++) {
    const place = begin + source * size;
    for (let byte = 0; byte < size; byte++) data[i * size + byte] = bytes[place + byte]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      source += strides[axis]!;
      if (++at[axis]! < shape[axis]!) break;
      source -= strides[axis]! * shape[axis]!;
      at[axis] = 0;
    }
  }
  return viewTensor(data, dtype, [...shape], 0, count);
}

function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis]!;
  }
  return true;
}

/** The numbers' bytes in reverse: of a file of a big-endian machine. */
export function swapped(bytes: Uint8Array, size: number): Uint8Array {
  const turned = bytes.slice();
  for (let at = 0; at + size <= turned.length; at += size) turned.subarray(at, at + size).reverse();
  return turned;
}
