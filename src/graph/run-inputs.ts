/** Checks the inputs of a run, before the first of them is uploaded. */
import { aKind, kindOf, showShape, type HostArray } from "../kernels/kernel.ts";
import type { Tensor } from "./tensor.ts";

/** Values by the name of the input. */
export type Inputs = Readonly<Record<string, HostArray>>;

/**
 * @param wanted the inputs that the plan reads
 * @param declared all inputs of the graph
 * @throws TypeError that names the first wrong input
 */
export function requireInputs(
  inputs: Inputs,
  wanted: ReadonlyMap<string, unknown>,
  declared: ReadonlyMap<string, Tensor>,
): void {
  if (kindOf(inputs) !== "Object") {
    throw new TypeError(`a run takes an object with its inputs by name, got ${aKind(inputs)}`);
  }
  const given = (name: string): HostArray | undefined => (Object.hasOwn(inputs, name) ? inputs[name] : undefined);
  for (const name of Object.keys(inputs)) {
    if (declared.has(name)) continue;
    const known = [...declared.keys()].join(", ") || "none";
    throw new TypeError(`the graph has no input ${name}; its inputs: ${known}`);
  }
  for (const [name, tensor] of declared) {
    const values = given(name);
    // An input that this plan does not use may be given anyway: another plan of the graph may need it.
    if (values === undefined && !wanted.has(name)) continue;
    if (!values) throw new TypeError(`missing input ${name} ${showShape(tensor.shape)}`);
    const type = tensor.dtype === "f32" ? "Float32Array" : "Uint32Array";
    if (kindOf(values) !== type || !ArrayBuffer.isView(values)) {
      throw new TypeError(`input ${name} holds ${tensor.dtype}, got ${aKind(values)}: pass a ${type}`);
    }
    if (values.length !== tensor.size) {
      throw new TypeError(`input ${name} is ${showShape(tensor.shape)}, got ${values.length} values`);
    }
  }
  for (const [name, { checks }] of declared) {
    const values = checks.length > 0 ? given(name) : undefined;
    for (const check of values ? checks : []) {
      const wrong = check(values!);
      if (wrong) throw new TypeError(`input ${name}: ${wrong}`);
    }
  }
}
