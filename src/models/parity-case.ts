/** Reads case files of reference implementations, with checks. */
import type { SafeTensor } from "../data/safetensors.ts";
import { sameShape, showShape } from "../kernels/kernel.ts";
import { permute } from "../nn/layout.ts";
import { StateDictError, type StateDict } from "../nn/module.ts";

/** A case file lacks something, or holds something invalid. */
export class CaseError extends Error {
  override name = "CaseError";
}

export type Metadata = Readonly<Record<string, string>>;
export type Tensors = ReadonlyMap<string, SafeTensor>;

/** A number of the metadata. @throws CaseError if it is missing or out of bounds */
export function caseNumber(
  metadata: Metadata,
  key: string,
  { least, most, step }: { least: number; most: number; step?: number },
): number {
  const given = metadata[key];
  const value = given?.trim() ? Number(given) : NaN;
  if (value >= least && value <= most && (step === undefined || value % step === 0)) return value;
  const kind = step === undefined ? "a number" : step === 1 ? "an integer" : `a multiple of ${step}`;
  throw new CaseError(`metadata ${key} is ${given ?? "missing"}, expected ${kind} from ${least} to ${most}`);
}

/** The shape of a case, whatever the model. */
export interface CaseShape {
  batch: number;
  height: number;
  width: number;
  lr: number;
}

/** @throws CaseError */
export const caseShape = (metadata: Metadata): CaseShape => ({
  batch: caseNumber(metadata, "batch", { least: 1, most: 1024, step: 1 }),
  height: caseNumber(metadata, "height", { least: 32, most: 4096, step: 32 }),
  width: caseNumber(metadata, "width_px", { least: 32, most: 4096, step: 32 }),
  lr: caseNumber(metadata, "lr", { least: 0, most: 1 }),
});

/** The f32 tensor with that name, and that shape if given. @throws CaseError */
export function caseFloats(
  tensors: Tensors,
  name: string,
  shape?: readonly number[],
): { shape: readonly number[]; data: Float32Array } {
  const tensor = tensors.get(name);
  if (!tensor) throw new CaseError(`tensor ${name} is missing`);
  if (tensor.dtype !== "F32") throw new CaseError(`tensor ${name} is ${tensor.dtype}, expected F32`);
  if (shape && !sameShape(tensor.shape, shape)) {
    throw new CaseError(`tensor ${name} is ${showShape(tensor.shape)}, expected ${showShape(shape)}`);
  }
  return tensor;
}

/** The class of each image. @throws CaseError */
function caseLabels(tensors: Tensors, n: number): Uint32Array {
  const tensor = tensors.get("in.label");
  if (tensor?.dtype !== "I32" || tensor.data.length !== n || tensor.data.some((k) => k !== 0 && k !== 1)) {
    throw new CaseError(`tensor in.label is not I32 [${n}] of 0 and 1`);
  }
  return Uint32Array.from(tensor.data);
}

/** The network's inputs, which must have the sizes that the metadata state. @throws CaseError */
export function caseInputs(tensors: Tensors, { batch: n, height: h, width: w }: CaseShape) {
  const image = permute(caseFloats(tensors, "in.image", [n, 3, h, w]).data, [n, 3, h, w], [0, 2, 3, 1]);
  if ((n * h * w) / 32 ** 2 < 2) throw new CaseError("one image of 32x32 is too little for batch normalisation");
  const target = tensors.has("in.target") ? caseFloats(tensors, "in.target", [n, 1, h, w]).data : undefined;
  return { image, label: caseLabels(tensors, n), ...(target ? { target } : {}) };
}

/** The state dict before training. @throws CaseError */
export function caseState(tensors: Tensors): StateDict {
  const initial: StateDict = new Map();
  for (const name of tensors.keys()) {
    if (name.startsWith("init.")) initial.set(name.slice("init.".length), caseFloats(tensors, name));
  }
  return initial;
}

/**
 * Compares some tensors of a state dict with the network's shapes. A file that passes is large enough for a network of its size;
 * `loadStateDict` compares the rest.
 * @throws StateDictError
 */
export function requireLandmarks(state: StateDict, landmarks: Readonly<Record<string, readonly number[]>>): void {
  for (const [name, shape] of Object.entries(landmarks)) {
    const given = state.get(name)?.shape;
    if (!given) throw new StateDictError(`${name} is missing`);
    if (!sameShape(given, shape)) {
      throw new StateDictError(`${name} is ${showShape(given)}, the model has ${showShape(shape)}`);
    }
  }
}
