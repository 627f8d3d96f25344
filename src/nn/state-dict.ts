/** State dicts, as modules and optimisers have them, and what is checked of those that are given. */
import { aKind, isList, kindOf, sameShape, showShape, sizeOf } from "../kernels/kernel.ts";
import type { SavedTensor } from "./layout.ts";

/** A state dict in PyTorch's names and layouts. */
export type StateDict = Map<string, { shape: readonly number[]; data: Float32Array }>;

/** The same, as a safetensors file holds it: `serializeSafetensors(state)` writes it as is. */
export type SavedState = Map<string, SavedTensor>;

/** A state dict that has not been checked: a file's, such as `parseSafetensors(bytes, name).tensors`, may hold other types. */
export type GivenState = ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: ArrayBufferView }>;

/** A state dict does not fit the model. */
export class StateDictError extends Error {
  override name = "StateDictError";
}

/** @throws StateDictError for what is no state dict */
export function requireMap(state: unknown, where = ""): void {
  if (kindOf(state) === "Map") return;
  throw new StateDictError(`${where}a state dict is a Map from names to { shape, data }, got ${aKind(state)}`);
}

/**
 * The values of a tensor, which has to be of this shape and f32.
 * @param whose what has the shape, as in "the model has"
 * @param where what messages begin with
 * @throws StateDictError
 */
export function valuesIn(
  state: GivenState,
  name: string,
  shape: readonly number[],
  whose: string,
  where = "",
): Float32Array {
  const fail = (what: string) => new StateDictError(`${where}${name} ${what}`);
  const given = state.get(name);
  if (!given) throw fail("is missing");
  if (!isList(given.shape)) throw fail(`is ${aKind(given)} without a shape`);
  if (!sameShape(given.shape, shape)) throw fail(`is ${showShape(given.shape)}, ${whose} ${showShape(shape)}`);
  const { data } = given;
  const size = sizeOf(shape);
  // An ArrayBufferView that says of itself that it is one.
  if (kindOf(data) === "Float32Array" && ArrayBuffer.isView(data) && (data as Float32Array).length === size) {
    return data as Float32Array;
  }
  const { length } = data as { length?: number };
  throw fail(`${showShape(shape)} needs a Float32Array of ${size} values, got ${aKind(data)} of ${length ?? "none"}`);
}
