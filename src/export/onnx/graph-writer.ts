/** The ONNX graph while it is written: which value each tensor is, in which order of axes; constants, and names. */
import type { OnnxAttribute, OnnxWriter, Size, StoredConstant } from "../../autograd/onnx-form.ts";
import { Tensor, Variable } from "../../graph/tensor.ts";
import { kindOf, sameShape, showShape } from "../../kernels/kernel.ts";
import { torchOrder, torchShape } from "../../nn/layout.ts";
import { Parameter, StateDictError, type GivenState } from "../../nn/module.ts";
import { ExportError, halvesOf, nearestHalf, type Precision } from "../half.ts";
import { dataTypes, type OnnxNode, type OnnxTensor } from "./model-file.ts";
import type { SampleSizes } from "./sample-sizes.ts";

/** How far, relatively, half precision may be from a number of the network's own. */
const MOST_ROUNDING = 0.01;

interface Held {
  readonly order: readonly number[];
  readonly value: string;
}

/** What a graph is written for. */
export interface WriterOptions {
  readonly precision?: Precision;
  /** Names that only `rename` gives. */
  readonly reserved?: readonly string[];
  /** How the sizes of tensors depend on the number of samples; by default they do not. */
  readonly sizes?: SampleSizes;
  /** The graph's input, whose first size is the number of samples. */
  readonly input?: string;
}

export class GraphWriter implements OnnxWriter {
  nodes: OnnxNode[] = [];
  /** Path of the module whose nodes are being written. */
  layer = "";
  /** The op that is being written, for errors. */
  at = "";
  /** By the name of a node: the op that it was written for. */
  readonly origins = new Map<string, string>();
  readonly #state: GivenState;
  readonly #sizes: SampleSizes | undefined;
  readonly #input: string;
  readonly #precision: Precision;
  #type: Precision;
  readonly #held = new Map<Tensor, Held[]>();
  readonly #stored = new Map<Tensor, StoredConstant>();
  /** Of constants, by what they are. */
  readonly #names = new Map<StoredConstant | string, string>();
  readonly #constants: (() => OnnxTensor)[] = [];
  /** Values that are known already, by what they are computed from. */
  readonly #computed = new Map<string, string>();
  readonly #taken: Set<string>;

  constructor(state: GivenState, { precision = "f32", reserved = [], sizes, input = "" }: WriterOptions = {}) {
    this.#state = state;
    this.#precision = precision;
    this.#type = precision;
    this.#taken = new Set(reserved);
    this.#sizes = sizes;
    this.#input = input;
  }

  /** @throws ExportError for a weight that half precision cannot hold */
  constants(): OnnxTensor[] {
    return this.#constants.map((constant) => constant());
  }

  /** The export's own constants: for each name, what it is. */
  own(): ReadonlyMap<string, string> {
    return new Map(
      [...this.#names].flatMap(([what, name]) => (typeof what === "string" ? [[name, what] as const] : [])),
    );
  }

  orderOf(tensor: Tensor): readonly number[] {
    const [held] = this.#held.get(tensor) ?? [];
    if (held) return held.order;
    if (tensor.base === tensor) return this.#all(tensor)[0]!.order;
    const usual = usualOrder(tensor);
    const pairs = this.#sameAxes(tensor);
    if (!pairs) return usual;
    // In the base's order, what has size 1 behind the others.
    const long = [...pairs].map(([axis]) => axis);
    const base = this.orderOf(tensor.base).filter((axis) => [...pairs.values()].includes(axis));
    const ordered = base.map((axis) => long.find((own) => pairs.get(own) === axis)!);
    if (sameShape(ordered, long)) return usual;
    return [...ordered, ...usual.filter((axis) => !pairs.has(axis))];
  }

  read(tensor: Tensor, order: readonly number[] = usualOrder(tensor)): string {
    const known = this.#held.get(tensor)?.find((held) => sameShape(held.order, order));
    if (known) return known.value;
    const value = this.#arranged(tensor, order);
    if (!this.#held.has(tensor)) this.#held.set(tensor, []);
    const held = this.#held.get(tensor)!;
    if (!held.some((one) => sameShape(one.order, order))) held.push({ order, value });
    return value;
  }

  sizesOf(tensor: Tensor): readonly Size[] {
    return this.#sizes?.of(tensor) ?? tensor.shape;
  }

  withAxes(tensor: Tensor, places: readonly number[]): Tensor {
    if (places.length === 0) return tensor;
    let [shape, sizes] = [tensor.shape, this.sizesOf(tensor)];
    for (const place of places) [shape, sizes] = [shape.toSpliced(place, 0, 1), sizes.toSpliced(place, 0, 1)];
    // Not `viewOf`, which would leave a mark at the network's own tensor.
    const result = new Tensor({ shape, dtype: tensor.dtype }, tensor.source, tensor.graph, tensor.base);
    this.#sizes?.set(result, sizes);
    return result;
  }

  reshape(value: string, sizes: readonly Size[]): string {
    const open = sizes.filter((size) => typeof size === "object").length;
    const shape =
      open > 1 ? this.shape(sizes) : this.integers(sizes.map((size) => (typeof size === "number" ? size : -1)));
    return this.#once("Reshape", [value, shape]);
  }

  shape(sizes: readonly Size[]): string {
    if (sizes.every((size) => typeof size === "number")) return this.integers(sizes);
    const samples = () => this.#once("Shape", [this.#input], { start: 0, end: 1 });
    const parts = sizes.map((size) => {
      if (typeof size === "number") return this.integers([size]);
      return size.each === 1 ? samples() : this.#once("Mul", [samples(), this.integers([size.each])]);
    });
    return parts.length === 1 ? parts[0]! : this.#once("Concat", parts, { axis: 0 });
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
    this.origins.set(name, this.at);
    return values;
  }

  integers(values: readonly number[], scalar?: "scalar"): string {
    const bytes = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    return this.#keep("integers", { type: "i64", shape: scalar ? [] : [values.length], bytes });
  }

  floats(shape: readonly number[], values: readonly number[]): string {
    const type = this.#type;
    const bad =
      type === "f16" ? values.find((value) => Math.abs(nearestHalf(value) / value - 1) > MOST_ROUNDING) : undefined;
    if (bad !== undefined) {
      const rounded = nearestHalf(bad);
      throw new ExportError(
        `${this.at}: ${bad} is ${Number.isFinite(rounded) ? rounded : "infinite"} in half precision; export the network in f32`,
      );
    }
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

  /**
   * Gives values other names, wherever they are read; one that has one already, or is no node's, is passed on under it. What is read
   * afterwards has its old name still.
   */
  rename(values: readonly (readonly [value: string, name: string])[]): void {
    const names = new Map<string, string>();
    const outputs = new Set(this.nodes.flatMap((node) => node.outputs));
    const further: OnnxNode[] = [];
    for (const [value, name] of values) {
      if (outputs.has(value) && !names.has(value)) names.set(value, name);
      else
        further.push({
          op: "Identity",
          name: this.#unique(`/${name}`),
          inputs: [value],
          outputs: [name],
          attributes: {},
        });
    }
    const named = (all: readonly string[]) => all.map((value) => names.get(value) ?? value);
    this.nodes = [
      ...this.nodes.map((node) => ({ ...node, inputs: named(node.inputs), outputs: named(node.outputs) })),
      ...further.map((node) => ({ ...node, inputs: named(node.inputs) })),
    ];
  }

  /** A value of a tensor with its axes in this order, made from others. */
  #arranged(tensor: Tensor, order: readonly number[]): string {
    const { base } = tensor;
    const pairs = this.#sameAxes(tensor);
    const sizes = this.sizesOf(tensor);
    const inOrder = order.map((axis) => sizes[axis]!);
    if (!pairs) {
      const usual = this.reshape(this.read(base), sizes);
      const perm = [...order];
      return sameShape(order, usualOrder(tensor)) ? usual : this.#once("Transpose", [usual], { perm });
    }
    // Axes of size 1 may come, go and move without anything else moving.
    const wanted = order.filter((axis) => pairs.has(axis)).map((axis) => pairs.get(axis)!);
    const long = new Set(pairs.values());
    const all = this.#all(base);
    const found = all.find((held) => sameShape(held.order.filter((axis) => long.has(axis)), wanted)); // prettier-ignore
    if (!found) {
      const [{ order: has, value }] = all as [Held];
      const whole = base === tensor ? order : [...has.filter((axis) => !long.has(axis)), ...wanted];
      const turned = this.#once("Transpose", [value], { perm: whole.map((axis) => has.indexOf(axis)) });
      if (base === tensor) return turned;
      all.push({ order: whole, value: turned });
      return this.#arranged(tensor, order);
    }
    const has = this.sizesOf(base);
    const same = JSON.stringify(found.order.map((axis) => has[axis])) === JSON.stringify(inOrder);
    return same ? found.value : this.reshape(found.value, inOrder);
  }

  /** For each axis of a tensor that is longer than 1, its base's; undefined where they are not the same ones. */
  #sameAxes(tensor: Tensor): ReadonlyMap<number, number> | undefined {
    const long = (of: Tensor) => [...this.sizesOf(of).entries()].filter(([, size]) => size !== 1);
    const [own, base] = [long(tensor), tensor === tensor.base ? long(tensor) : long(tensor.base)];
    const sizes = (axes: typeof own) => JSON.stringify(axes.map(([, size]) => size));
    if (sizes(own) !== sizes(base)) return undefined;
    return new Map(own.map(([axis], i) => [axis, base[i]![0]]));
  }

  /** Adds a node unless there is the same already. */
  #once(op: string, inputs: readonly string[], attributes: Readonly<Record<string, OnnxAttribute>> = {}): string {
    const key = JSON.stringify([op, inputs, attributes]);
    const value = this.#computed.get(key) ?? this.add(op, inputs, attributes);
    this.#computed.set(key, value);
    return value;
  }

  /** The values that a tensor that is no view is so far, at least one. */
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
    this.#constants.push(() => ({ name: unique, type, shape, bytes: bytesOf(data, type, name) }));
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
    this.#constants.push(() => ({ name, ...constant }));
    return name;
  }

  #unique(name: string): string {
    let [unique, i] = [name, 0];
    while (this.#taken.has(unique)) unique = `${name}_${++i}`;
    this.#taken.add(unique);
    return unique;
  }
}

const usualOrder = ({ shape }: Tensor): number[] => [...shape.keys()];

function bytesOf(data: Float32Array, type: Precision, name = "a constant"): Uint8Array {
  const { buffer, byteOffset, byteLength } = type === "f16" ? halvesOf(name, data) : data;
  return new Uint8Array(buffer, byteOffset, byteLength);
}
