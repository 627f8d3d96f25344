/** The ONNX graph while it is written: which value each tensor is, in which order of axes; constants, and names. */
import type { OnnxAttribute, OnnxWriter, StoredConstant } from "../../autograd/onnx-form.ts";
import { Variable, type Tensor } from "../../graph/tensor.ts";
import { kindOf, sameShape, showShape } from "../../kernels/kernel.ts";
import { torchOrder, torchShape } from "../../nn/layout.ts";
import { Parameter, StateDictError, type GivenState } from "../../nn/module.ts";
import { ExportError, halvesOf, type Precision } from "../half.ts";
import { dataTypes, type OnnxNode, type OnnxTensor } from "./model-file.ts";

interface Held {
  readonly order: readonly number[];
  readonly value: string;
}

export class GraphWriter implements OnnxWriter {
  nodes: OnnxNode[] = [];
  readonly constants: OnnxTensor[] = [];
  /** Path of the module whose nodes are being written. */
  layer = "";
  readonly #state: GivenState;
  readonly #precision: Precision;
  #type: Precision;
  readonly #held = new Map<Tensor, Held[]>();
  readonly #stored = new Map<Tensor, StoredConstant>();
  /** Of constants, by what they are. */
  readonly #names = new Map<StoredConstant | string, string>();
  readonly #taken: Set<string>;

  /** @param reserved names that only `rename` gives */
  constructor(state: GivenState, precision: Precision, reserved: readonly string[] = []) {
    this.#state = state;
    this.#precision = precision;
    this.#type = precision;
    this.#taken = new Set(reserved);
  }

  orderOf(tensor: Tensor): readonly number[] {
    return this.#all(tensor)[0]!.order;
  }

  read(tensor: Tensor, order: readonly number[] = tensor.shape.map((_, axis) => axis)): string {
    const all = this.#all(tensor);
    const found = all.find((held) => sameShape(held.order, order));
    if (found) return found.value;
    const [{ order: has, value }] = all as [Held];
    const perm = order.map((axis) => has.indexOf(axis));
    const turned = this.add("Transpose", [value], { perm });
    all.push({ order, value: turned });
    return turned;
  }

  readFlattened(tensor: Tensor): string {
    if (tensor instanceof Parameter && tensor.layout === "flattened") return this.#constant(this.stored(tensor));
    if (this.#stored.has(tensor)) return this.#constant(this.#stored.get(tensor)!);
    return this.add("Flatten", [this.read(tensor, [3, 2, 0, 1])], { axis: 1 });
  }

  write(tensor: Tensor, value: string, order: readonly number[] = tensor.shape.map((_, axis) => axis)): void {
    this.#held.set(tensor, [{ order, value }]);
  }

  add(op: string, inputs: readonly string[], attributes: Readonly<Record<string, OnnxAttribute>> = {}): string {
    return this.addMany(op, inputs, 1, attributes)[0]!;
  }

  addMany(
    op: string,
    inputs: readonly string[],
    outputs: number,
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
  ): string[] {
    const name = this.#unique(`${this.layer && `/${this.layer.replaceAll(".", "/")}`}/${op}`);
    const values = Array.from({ length: outputs }, (_, i) => (outputs === 1 ? name : `${name}:${i}`));
    this.nodes.push({ op, name, inputs, outputs: values, attributes });
    return values;
  }

  integers(values: readonly number[], scalar?: "scalar"): string {
    const bytes = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    return this.#keep("integers", { type: "i64", shape: scalar ? [] : [values.length], bytes });
  }

  floats(shape: readonly number[], values: readonly number[]): string {
    const type = this.#type;
    return this.#keep("floats", { type, shape, bytes: bytesOf(Float32Array.from(values), type) });
  }

  stored(tensor: Tensor): StoredConstant {
    const known = this.#stored.get(tensor);
    if (known) return known;
    if (!(tensor instanceof Variable)) throw new ExportError(`${tensor.label} is not a constant of the network`);
    const { name, shape } = tensor;
    const layout = tensor instanceof Parameter ? tensor.layout : "vector";
    const wanted = torchShape(shape, layout);
    const given = this.#state.get(name);
    if (!given) throw new StateDictError(`${name || `a variable ${showShape(shape)} without a name`} is missing`);
    if (!sameShape(given.shape, wanted) || kindOf(given.data) !== "Float32Array") {
      const found = `${kindOf(given.data)} ${showShape(given.shape)}`;
      throw new StateDictError(`${name} is a ${found}, the model has a Float32Array ${showShape(wanted)}`);
    }
    const data = given.data as Float32Array;
    const constant = { name, order: torchOrder(shape, layout), shape: wanted, data };
    this.#stored.set(tensor, constant);
    return constant;
  }

  store(tensor: Tensor, constant: StoredConstant): void {
    this.#stored.set(tensor, constant);
  }

  precisely(value: string, f: (value: string) => string): string {
    if (this.#type === "f32") return f(value);
    const wide = this.add("Cast", [value], { to: dataTypes.f32 });
    this.#type = "f32";
    const result = f(wide);
    this.#type = this.#precision;
    return this.add("Cast", [result], { to: dataTypes[this.#precision] });
  }

  /** Gives a node's output another name, wherever it is read; one that already has one, or is no node's, is passed on under it. */
  rename(value: string, name: string): void {
    if (!value.startsWith("/") || !this.nodes.some(({ outputs }) => outputs.includes(value))) {
      this.nodes.push({ op: "Identity", name: `/${name}`, inputs: [value], outputs: [name], attributes: {} });
      return;
    }
    const named = (values: readonly string[]) => values.map((other) => (other === value ? name : other));
    this.nodes = this.nodes.map((node) => ({ ...node, inputs: named(node.inputs), outputs: named(node.outputs) }));
  }

  /** The values that a tensor is so far, at least one. */
  #all(tensor: Tensor): Held[] {
    const held = this.#held.get(tensor);
    if (held) return held;
    const constant = this.stored(tensor);
    let value = this.#constant(constant);
    // A flattened matrix is that of a map again.
    if (constant.shape.length !== constant.order.length) {
      const shape = constant.order.map((axis) => tensor.shape[axis]!);
      value = this.add("Reshape", [value, this.integers(shape)]);
    }
    const all = [{ order: constant.order, value }];
    this.#held.set(tensor, all);
    return all;
  }

  #constant(constant: StoredConstant): string {
    const { name, shape, data } = constant;
    const known = this.#names.get(constant);
    if (known !== undefined) return known;
    const type = this.#precision;
    const unique = this.#unique(name);
    this.#names.set(constant, unique);
    this.constants.push({ name: unique, type, shape, bytes: bytesOf(data, type, name) });
    return unique;
  }

  /** A constant of the export's own: one for all that are equal. */
  #keep(kind: string, constant: Omit<OnnxTensor, "name">): string {
    const { type, shape, bytes } = constant;
    const key = `${type} ${shape.join()} ${bytes.join()}`;
    const known = this.#names.get(key);
    if (known !== undefined) return known;
    const name = this.#unique(kind);
    this.#names.set(key, name);
    this.constants.push({ name, ...constant });
    return name;
  }

  #unique(name: string): string {
    let [unique, i] = [name, 0];
    while (this.#taken.has(unique)) unique = `${name}_${++i}`;
    this.#taken.add(unique);
    return unique;
  }
}

function bytesOf(data: Float32Array, type: Precision, name = "a constant"): Uint8Array {
  const { buffer, byteOffset, byteLength } = type === "f16" ? halvesOf(name, data) : data;
  return new Uint8Array(buffer, byteOffset, byteLength);
}
