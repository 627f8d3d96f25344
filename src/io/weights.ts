/** Weights of other programs: PyTorch's files, safetensors of torchvision's, timm's and one's own networks. */
import { requireBytes } from "../data/bytes.ts";
import { parseSafetensors } from "../data/safetensors.ts";
import { keysOfWeights, quoted, stateDictOf, withoutPrefix, type FoundStateDict } from "../data/torch/state-dict.ts";
import { isTorchFile, parseTorchFile } from "../data/torch/torch-file.ts";
import type { StateDict } from "../nn/module.ts";
import { floats } from "./floats.ts";
import { fromTimm } from "./timm-names.ts";
import { allFinite, WeightsError } from "./weights-error.ts";

export { WeightsError } from "./weights-error.ts";

export interface ReadWeights {
  readonly tensors: StateDict;
  readonly format: "torch" | "safetensors";
  /** How they were found, one line each. */
  readonly notes: readonly string[];
}

/** Counters and tables that PyTorch's networks keep beside weights, and that say nothing here. */
const NO_WEIGHTS = /(?:^|\.)(?:num_batches_tracked|relative_position_index|relative_coords_table|attn_mask)$/;

/** Which of several state dicts in a file of PyTorch is meant. */
export interface Which {
  /** Its key. Default: the one that PyTorch's scripts use. */
  readonly key?: string | undefined;
  /** Refuse a file with several of which none is named. */
  readonly onlyOne?: boolean;
}

/**
 * @param file what to call it
 * @throws WeightsError, TorchFileError, SafetensorsError in one line
 */
export function readWeights(bytes: Uint8Array, file: string, { key, onlyOne = false }: Which = {}): ReadWeights {
  requireBytes(file, bytes);
  const torch = isTorchFile(bytes);
  // A header of safetensors begins with a brace.
  if (!torch && bytes.length > 8 && bytes[8] !== 0x7b) {
    throw new WeightsError(
      `${file}: neither a file of torch.save nor safetensors; look into it: it may be a web page that was saved instead of the file`,
    );
  }
  const value = torch ? parseTorchFile(bytes, file) : undefined;
  const keys = value === undefined ? [] : keysOfWeights(value);
  if (onlyOne && key === undefined && keys.length > 1) {
    throw new WeightsError(
      `${file}: has weights under ${quoted(keys)}: name one, as in fromTorch(bytes, name, "${keys[0]!}")`,
    );
  }
  const found: FoundStateDict =
    value !== undefined
      ? stateDictOf(value, file, key)
      : withoutPrefix({ tensors: parseSafetensors(bytes, file).tensors, notes: [] });
  const tensors: StateDict = new Map();
  for (const [name, tensor] of found.tensors) {
    if (NO_WEIGHTS.test(name)) continue;
    const data = floats(tensor);
    if (!data) throw new WeightsError(`${file}: ${name} is ${tensor.dtype}, of which weights are not made`);
    if (!allFinite(data)) throw new WeightsError(`${file}: ${name} holds values that are not finite`);
    tensors.set(name, { shape: tensor.shape, data });
  }
  if (tensors.size === 0) throw new WeightsError(`${file}: has no weights`);
  const renamed = fromTimm(tensors);
  const notes = renamed ? [...found.notes, "timm's names are read as torchvision's"] : found.notes;
  return { tensors: renamed ?? tensors, format: torch ? "torch" : "safetensors", notes };
}

/**
 * A state dict out of a file of `torch.save`, such as torchvision's and timm's, or of safetensors; in torchvision's names. Nothing in it is
 * executed. `load` puts it into a network.
 * @param name what messages call the file
 * @param key under which of its entries the weights are, such as "model_ema"; needed where several have some
 * @throws TorchFileError, SafetensorsError, WeightsError in one line
 */
export const fromTorch = (bytes: Uint8Array, name = "the file", key?: string): StateDict =>
  readWeights(bytes, name, { key, onlyOne: true }).tensors;
