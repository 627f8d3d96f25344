/** A network's weights in a file, and back: safetensors with PyTorch's names and layouts. */
import { requireBytes } from "../data/bytes.ts";
import { parseSafetensors, serializeSafetensors, type SafeTensor } from "../data/safetensors.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { aKind, kindOf, requireKnown, sameShape, showShape } from "../kernels/kernel.ts";
import { requireGpu } from "../graph/require-gpu.ts";
import { readVariable } from "../graph/storage.ts";
import { savedTensor, torchShape } from "../nn/layout.ts";
import { requireModule, type GivenState, type Module, type SavedState } from "../nn/module.ts";
import { WeightsError } from "./weights-error.ts";

/**
 * All parameters and buffers of a network as a safetensors file, which PyTorch reads by `safetensors.torch.load_file`. It holds weights alone:
 * to predict pictures with it, `load` it into its network, and open that by `PicturePredictor.of`.
 * @param metadata texts to keep beside them
 * @throws ModuleError, GpuError as `Module.stateDict` does; TypeError for what is no device or no module
 */
export const save = async (
  gpu: Gpu,
  net: Module,
  metadata: Readonly<Record<string, string>> = {},
): Promise<Uint8Array<ArrayBuffer>> => {
  requireGpu("save", gpu);
  requireModule("save", net);
  return serializeSafetensors(await net.stateDict(gpu), metadata);
};

/** What `load` takes of a file. */
export interface LoadOptions {
  /** Whether a name that only the file or only the network has is an error, as in PyTorch. Default true. */
  strict?: boolean;
  /** Names of tensors or of modules, such as "fc", that keep the network's own values, whatever the file has. Default none. */
  ignore?: readonly string[];
  /** What messages call the file. */
  name?: string;
}

/** What became of each name. */
export interface LoadedNames {
  readonly taken: readonly string[];
  /** Of the file, not of the network or ignored. */
  readonly left: readonly string[];
  /** Of the network, which keep their values. */
  readonly missing: readonly string[];
}

/** Checkpoints of this program keep a network's weights under this prefix, beside the optimiser's state. */
const CHECKPOINT = { format: "mganet-checkpoint-", prefix: "model." };

/** Counters that PyTorch keeps beside weights, and that say nothing here. */
const COUNTERS = /(?:^|\.)num_batches_tracked$/;

/**
 * Sets a network's parameters and buffers from a file that `save` or PyTorch wrote, or from a state dict such as `fromTorch` gives.
 * @param file the bytes of a safetensors file, or a Map
 * @throws SafetensorsError, WeightsError naming the first tensor that does not fit, and both shapes; nothing is changed then
 */
export async function load(
  gpu: Gpu,
  net: Module,
  file: Uint8Array | GivenState,
  options: LoadOptions = {},
): Promise<LoadedNames> {
  requireGpu("load", gpu);
  requireModule("load", net);
  requireKnown("load", options, ["strict", "ignore", "name"]);
  const { strict = true, ignore = [], name: called = "the file" } = options;
  const given = kindOf(file) === "Map" ? (file as GivenState) : tensorsOf(file as Uint8Array, called);
  const isIgnored = (name: string) => ignore.some((part) => isWithin(name, part));
  const own = new Map(net.named());
  const useless = ignore.find((part) => ![...own.keys(), ...given.keys()].some((name) => isWithin(name, part)));
  if (useless !== undefined)
    throw new WeightsError(`${called}: ignore names ${useless}, which neither it nor the network has`);
  const state: SavedState = new Map();
  const [taken, missing]: [string[], string[]] = [[], []];
  for (const [name, parameter] of own) {
    const shape = torchShape(parameter.shape, parameter.layout);
    const values = isIgnored(name) ? undefined : given.get(name);
    if (!values) {
      missing.push(name);
      if (strict && !isIgnored(name)) {
        throw new WeightsError(`${called}: ${name} ${showShape(shape)} is missing${keeping(name)}`);
      }
      state.set(name, savedTensor(await readVariable(gpu, parameter), parameter));
      continue;
    }
    if (!sameShape(values.shape, shape)) {
      throw new WeightsError(
        `${called}: ${name} is ${showShape(values.shape)}, the network has ${showShape(shape)}${keeping(moduleOf(name))}`,
      );
    }
    taken.push(name);
    state.set(name, { dtype: "F32", shape, data: floatsOf(values) ?? (await widened(values, `${called}: ${name}`)) });
  }
  const left = [...given.keys()].filter((name) => !taken.includes(name) && !COUNTERS.test(name));
  const strange = left.find((name) => !isIgnored(name));
  if (strict && strange !== undefined)
    throw new WeightsError(`${called}: has ${strange}, which is not part of the network`);
  if (taken.length === 0) throw new WeightsError(`${called}: none of its weights is the network's`);
  net.loadStateDict(gpu, state);
  return { taken, left, missing };
}

const keeping = (name: string): string => `; to keep the network's own, { ignore: ["${name}"] }`;

/** The module that has a tensor. */
const moduleOf = (name: string): string => name.replace(/\.[^.]*$/, "");

/** Whether a name is that of a tensor, or of one in a module, "fc" or "fc.". */
const isWithin = (name: string, part: string): boolean =>
  name === part || name.startsWith(part.endsWith(".") ? part : `${part}.`);

type GivenTensor = NonNullable<ReturnType<GivenState["get"]>>;

function tensorsOf(bytes: Uint8Array, name: string): GivenState {
  requireBytes(name, bytes);
  if (isOfTorch(bytes)) throw new WeightsError(`${name}: is a file of torch.save: load(gpu, net, fromTorch(bytes))`);
  const { metadata, tensors } = parseSafetensors(bytes, name);
  if (metadata["format"]?.startsWith(CHECKPOINT.format) !== true) return tensors;
  const { prefix } = CHECKPOINT;
  const weights = [...tensors].filter(([key]) => key.startsWith(prefix));
  return new Map(weights.map(([key, tensor]) => [key.slice(prefix.length), tensor]));
}

/** By its first bytes, without the reader: a zip, or a pickle. A safetensors file has the header's length there, and then a brace. */
const isOfTorch = (bytes: Uint8Array): boolean =>
  bytes[8] !== 0x7b && ((bytes[0] === 0x50 && bytes[1] === 0x4b) || bytes[0] === 0x80);

const floatsOf = ({ data }: GivenTensor): Float32Array | undefined =>
  kindOf(data) === "Float32Array" ? (data as Float32Array) : undefined;

/** @throws WeightsError for what is no weight */
async function widened(tensor: GivenTensor, what: string): Promise<Float32Array> {
  const { floats } = await import("./other-floats.ts");
  const found = "dtype" in tensor ? floats(tensor as SafeTensor) : undefined;
  if (found) return found;
  throw new WeightsError(
    `${what} is ${"dtype" in tensor ? String(tensor.dtype) : aKind(tensor.data)}, of which weights are not made`,
  );
}
