/**
 * Reads files of PyTorch's `torch.save`: zips (1.6 and later) and the pickles in a row of before. Tensors and plain values are built,
 * nothing is executed, and what only a program could build is refused. Formats: torch/serialization.py.
 */
import type { SafeTensor } from "../safetensors.ts";
import { Global, PickleError, unpickle, type PickleUser, type Value } from "./pickle.ts";
import { readTensor, StorageType, swapped, TensorFault, TensorRef, tensorRef, type Storage } from "./tensors.ts";
import { isLegacy, isZip, MAGIC, TorchFileError } from "./kind.ts";
import { StoredZip, ZipError } from "./zip.ts";

export { isTorchFile, TorchFileError } from "./kind.ts";

/** What was saved: null, true, numbers, texts, arrays, Maps of them, and tensors. What only says how a training went is `undefined`. */
export type TorchValue =
  | undefined
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | SafeTensor
  | TorchValue[]
  | Map<TorchValue, TorchValue>;

/**
 * @param name what messages call the file
 * @throws TorchFileError; never any other error, whatever the bytes
 */
export function parseTorchFile(bytes: Uint8Array, name: string): TorchValue {
  try {
    return isZip(bytes) ? fromZip(bytes) : fromLegacy(bytes);
  } catch (error) {
    const known = [Refused, PickleError, ZipError, TensorFault].some((kind) => error instanceof kind);
    if (known) throw new TorchFileError(`${name}: ${(error as Error).message}`, { cause: error });
    throw error;
  }
}

/** Without the file's name. */
class Refused extends Error {}

const SAVE = "save its weights alone: torch.save(model.state_dict(), FILE)";

/** A function or class that is known; what it makes of its arguments. */
class Known {
  readonly call: (args: readonly Value[]) => Value;

  constructor(call: (args: readonly Value[]) => Value) {
    this.call = call;
  }
}

/** What says how a training went, and is nothing here: its attributes may be set. */
const NOTHING = Symbol("nothing");

const first = (args: readonly Value[]): Value => args[0] ?? null;

/** `OrderedDict()` and `OrderedDict([(key, value), …])`. */
function ordered([pairs]: readonly Value[]): Map<Value, Value> {
  if (pairs === undefined) return new Map();
  if (!Array.isArray(pairs) || !pairs.every((pair) => Array.isArray(pair) && pair.length === 2)) {
    throw new Refused("has a dict of what are no pairs");
  }
  return new Map(pairs as [Value, Value][]);
}

function rebuild([storage, offset, shape, strides]: readonly Value[]): TensorRef {
  if (!isStorage(storage)) throw new Refused("has a tensor without numbers");
  return tensorRef(storage, offset, shape, strides);
}

const isStorage = (value: Value): value is Storage =>
  typeof value === "object" && value !== null && "type" in value && value.type instanceof StorageType;

const nothing = new Known(() => NOTHING);

const KNOWN: Readonly<Record<string, Known>> = {
  "collections.OrderedDict": new Known(ordered),
  "collections.defaultdict": new Known(() => new Map()),
  "torch._utils._rebuild_tensor_v2": new Known(rebuild),
  "torch._utils._rebuild_tensor": new Known(rebuild),
  "torch._utils._rebuild_parameter": new Known(first),
  "torch._utils._rebuild_parameter_with_state": new Known(first),
  // A subclass of Tensor, as Parameter: (function, class, arguments, attributes)
  "torch._tensor._rebuild_from_type_v2": new Known(([make, , args]) => {
    if (!(make instanceof Known) || !Array.isArray(args)) throw new Refused("has a tensor of an unknown kind");
    return make.call(args);
  }),
  "torch.Size": new Known(first),
  "torch.device": new Known(first),
  "torch.nn.parameter.Parameter": nothing,
  "torch.Tensor": nothing,
  "torch._tensor.Tensor": nothing,
  // Settings and scores beside the weights
  "argparse.Namespace": nothing,
  "_codecs.encode": nothing,
  ...Object.fromEntries(
    ["numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar", "numpy.dtype"].map((name) => [name, nothing]),
  ),
  ...Object.fromEntries(
    ["set", "frozenset", "list", "tuple"].flatMap((name) =>
      ["builtins", "__builtin__"].map((module) => [
        `${module}.${name}`,
        new Known(([items]) => (Array.isArray(items) ? [...(items as Value[])] : [])),
      ]),
    ),
  ),
  ...Object.fromEntries(
    ["dict", "int", "float"].flatMap((name) =>
      ["builtins", "__builtin__"].map((module) => [`${module}.${name}`, new Known(() => new Map())]),
    ),
  ),
};

const DTYPE = /^torch\.(?:b?float\d*|double|half|u?int\d+|long|short|bool|complex\d+)$/;

function known(named: Global): Value {
  const text = named.toString();
  if (named.module === "torch" && named.name.endsWith("Storage")) {
    const type = StorageType.named(named.name);
    if (!type) throw new Refused(`has numbers of the kind ${named.name.replace("Storage", "")}, which are not read`);
    return type;
  }
  if (Object.hasOwn(KNOWN, text)) return KNOWN[text]!;
  if (DTYPE.test(text)) return NOTHING;
  const shown = text.replace(/[^\w.]/g, "?").slice(0, 80);
  if (text.startsWith("torch._utils._rebuild_")) {
    throw new Refused(`has a tensor that is sparse, quantised or of another kind (${shown}), which is not read`);
  }
  throw new Refused(`needs ${shown}, which belongs to a program and is not run; ${SAVE}`);
}

/** @param persistent what stands for a storage */
const user = (persistent: (id: Value) => Value): PickleUser => ({
  global: known,
  call: (callee, args) => {
    if (callee instanceof Known) return callee.call(args);
    if (callee === NOTHING) return NOTHING;
    throw new Refused("calls what is no function");
  },
  build: (object) => {
    // A dict's attributes are metadata; of what is nothing, nothing is kept.
    if (!(object instanceof Map) && object !== NOTHING && !(object instanceof TensorRef)) {
      throw new Refused(`sets attributes of what has none; ${SAVE}`);
    }
  },
  persistent,
});

/** ("storage", class, key, device, numbers) and, in old files, its place in another one. */
function storageOf(id: Value): Storage {
  if (!Array.isArray(id) || id[0] !== "storage") throw new Refused("keeps what are no tensors");
  const [, type, key, , count, view] = id as Value[];
  if (!(type instanceof StorageType) || typeof key !== "string" || !isCount(count)) {
    throw new Refused("has numbers of a kind that is not read");
  }
  if (view === undefined || view === null) return { type, key, count, from: 0 };
  const [, from, size] = Array.isArray(view) ? (view as Value[]) : [];
  if (!isCount(from) || !isCount(size)) throw new Refused("has a part of numbers that is none");
  return { type, key, count: size, from };
}

const isCount = (value: Value): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function fromZip(bytes: Uint8Array): TorchValue {
  const zip = new StoredZip(bytes);
  const pickles = zip.names.filter((name) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickles.length !== 1) throw new Refused("is a zip, but not one of PyTorch's: it has no data.pkl");
  const top = pickles[0]!.slice(0, -"data.pkl".length);
  if (zip.names.some((name) => name.startsWith(`${top}code/`) || name === `${top}constants.pkl`)) {
    throw new Refused(`is a TorchScript program; ${SAVE}`);
  }
  const order = zip.read(`${top}byteorder`);
  const big = order !== undefined && new TextDecoder().decode(order.slice()).trim() === "big";
  const { value } = unpickle(zip.read(pickles[0]!)!, user(storageOf));
  return resolved(value, bytes.length, ({ key, type: { size } }) => {
    const data = zip.read(`${top}data/${key}`);
    if (!data) throw new Refused(`lacks its numbers data/${key}`);
    return big ? swapped(data, size) : data;
  });
}

function fromLegacy(bytes: Uint8Array): TorchValue {
  if (!isLegacy(bytes)) throw new Refused("is no file of PyTorch's torch.save");
  const none = user(() => {
    throw new Refused("has tensors where none belong");
  });
  const protocol = unpickle(bytes, none, MAGIC.length);
  if (protocol.value !== 1001) throw new Refused("is of another version of torch.save");
  const system = unpickle(bytes, none, protocol.end);
  const big = system.value instanceof Map && system.value.get("little_endian") === false;
  const types = new Map<string, StorageType>();
  const { value, end } = unpickle(
    bytes,
    user((id) => {
      const storage = storageOf(id);
      types.set(storage.key, storage.type);
      return storage;
    }),
    system.end,
  );
  const keys = unpickle(bytes, none, end);
  if (!Array.isArray(keys.value)) throw new Refused("has no list of its numbers");
  // Each: how many, as an int64, and the numbers.
  const contents = new Map<string, Uint8Array>();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = keys.end;
  for (const key of keys.value as Value[]) {
    const type = typeof key === "string" ? types.get(key) : undefined;
    if (!type) throw new Refused("lists numbers of no tensor");
    if (at + 8 > bytes.length) throw new Refused("ends too soon: is the file cut short?");
    const size = Number(view.getBigInt64(at, !big)) * type.size;
    if (!(size >= 0 && at + 8 + size <= bytes.length)) throw new Refused("ends too soon: is the file cut short?");
    const data = bytes.subarray(at + 8, at + 8 + size);
    contents.set(key as string, big ? swapped(data, type.size) : data);
    at += 8 + size;
  }
  if (at !== bytes.length) throw new Refused(`has ${bytes.length - at} bytes behind its last numbers`);
  return resolved(value, bytes.length, ({ key }) => {
    const data = contents.get(key);
    if (!data) throw new Refused(`lacks its numbers ${key}`);
    return data;
  });
}

const DEEPEST = 100;
/** Tied weights are in a file once, and as tensors some times; so much more than the file may its tensors be. */
const [MOST_REPEATS, LEAST_BYTES] = [4, 2 ** 24];

/** The value with its tensors read. A value that several places hold stays one; one that holds itself is refused. */
function resolved(value: Value, size: number, bytesOf: (storage: Storage) => Uint8Array): TorchValue {
  const contents = new Map<string, Uint8Array>();
  let left = MOST_REPEATS * size + LEAST_BYTES;
  const done = new Map<object, TorchValue>();
  const open = new Set<object>();
  const visit = (item: Value, depth: number): TorchValue => {
    if (item === NOTHING || item instanceof Known || item instanceof StorageType) return undefined;
    if (typeof item !== "object" || item === null || item instanceof Uint8Array) return item as TorchValue;
    const before = done.get(item);
    if (before !== undefined) return before;
    if (open.has(item) || depth > DEEPEST) throw new Refused("holds itself, or is too deep");
    open.add(item);
    const result = visitObject(item, depth);
    open.delete(item);
    done.set(item, result);
    return result;
  };
  const visitObject = (item: object, depth: number): TorchValue => {
    if (item instanceof TensorRef) {
      const { storage } = item;
      const bytes = contents.get(storage.key) ?? bytesOf(storage);
      contents.set(storage.key, bytes);
      left -= item.bytes;
      if (left < 0) throw new Refused("has tensors that repeat the same numbers more often than any model would");
      return readTensor(item, bytes);
    }
    if (item instanceof Map) {
      return new Map([...item].map(([key, each]) => [visit(key, depth + 1), visit(each, depth + 1)]));
    }
    if (Array.isArray(item)) return item.map((each) => visit(each, depth + 1));
    return undefined; // a storage without a tensor
  };
  return visit(value, 0);
}
