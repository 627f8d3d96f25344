/** Finds the weights in what `torch.save` or safetensors kept: the training scripts of PyTorch, torchvision and timm differ in where they are. */
import type { SafeTensor } from "../safetensors.ts";
import { TorchFileError } from "./kind.ts";
import type { TorchValue } from "./torch-file.ts";

export interface FoundStateDict {
  /** By their names in the network, in the file's order. */
  tensors: Map<string, SafeTensor>;
  /** What was done to find them, one line each. */
  notes: string[];
}

/** Under which the scripts keep weights beside optimisers and settings; the first that is there counts. */
const KEYS = ["state_dict", "model_state_dict", "model", "net", "network", "weights", "module"];

/** Of wrappers around a network: DataParallel, torch.compile, Lightning's and others' attribute of the network. */
const PREFIXES = ["module.", "_orig_mod.", "model.", "net."];

/** The keys of a file under which there are weights; none where the file itself is a state dict. */
export const keysOfWeights = (value: TorchValue): string[] =>
  value instanceof Map && !tensorsOf(value)
    ? [...value.keys()].filter((key) => typeof key === "string").filter((key) => tensorsOf(value.get(key)))
    : [];

/**
 * @param name what messages call the file
 * @param wanted the key under which the weights are; undefined: one that PyTorch's scripts use
 * @throws TorchFileError if there are none
 */
export function stateDictOf(value: TorchValue, name: string, wanted?: string): FoundStateDict {
  const notes: string[] = [];
  const keys = keysOfWeights(value);
  if (wanted !== undefined && !keys.includes(wanted)) {
    const has = keys.length > 0 ? `; it has some under ${quoted(keys)}` : "";
    throw new TorchFileError(`${name}: has no weights under ${quoted([wanted])}${has}`);
  }
  let found = tensorsOf(value);
  if (!found && value instanceof Map) {
    const key = wanted ?? KEYS.find((each) => keys.includes(each));
    if (key === undefined) {
      const shown = [...value.keys()].filter((each) => typeof each === "string").slice(0, 5);
      const has = shown.length > 0 ? `; it has ${shown.map((each) => JSON.stringify(each)).join(", ")}` : "";
      throw new TorchFileError(
        `${name}: has no weights by the names that PyTorch's scripts use (${KEYS.join(", ")})${has}`,
      );
    }
    found = tensorsOf(value.get(key))!;
    const others = keys.filter((each) => each !== key);
    notes.push(
      `the weights under ${quoted([key])} are taken${others.length > 0 ? `, not those under ${quoted(others)}` : ""}`,
    );
  }
  if (!found) throw new TorchFileError(`${name}: has no weights: it is no dict of tensors`);
  return withoutPrefix({ tensors: found, notes });
}

/** Keys, as messages name them. */
export const quoted = (keys: readonly string[]): string => keys.map((key) => JSON.stringify(key)).join(" and ");

/** The entries if all are tensors (PyTorch's own metadata excepted); undefined otherwise. */
function tensorsOf(value: TorchValue): Map<string, SafeTensor> | undefined {
  if (!(value instanceof Map) || value.size === 0) return undefined;
  const tensors = new Map<string, SafeTensor>();
  for (const [key, tensor] of value) {
    if (typeof key !== "string" || !isTensor(tensor)) return undefined;
    tensors.set(key, tensor);
  }
  return tensors;
}

const isTensor = (value: TorchValue): value is SafeTensor =>
  typeof value === "object" && value !== null && "dtype" in value;

/** Takes wrappers' prefixes away where all names have them. */
export function withoutPrefix({ tensors, notes }: FoundStateDict): FoundStateDict {
  const names = [...tensors.keys()];
  const prefix = PREFIXES.find((each) => names.length > 0 && names.every((name) => name.startsWith(each)));
  if (prefix === undefined) return { tensors, notes };
  const bare = new Map([...tensors].map(([name, tensor]) => [name.slice(prefix.length), tensor] as const));
  return withoutPrefix({ tensors: bare, notes: [...notes, `names are read without "${prefix}"`] });
}
