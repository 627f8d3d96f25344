/** The ONNX graph while it is written: its nodes, and their names. */
import type { OnnxAttribute, OnnxWriter, Size, StoredConstant } from "../../autograd/onnx-form.ts";
import { Tensor } from "../../graph/tensor.ts";
import { Parameter, type GivenState } from "../../nn/module.ts";
import { ExportError, nearestHalf, type Precision } from "../half.ts";
import { Constants } from "./constants.ts";
import { Layouts, usualOrder } from "./layouts.ts";
import { dataTypes, type OnnxNode, type OnnxTensor, type OnnxValue } from "./model-file.ts";
import { dimensionOf, type SampleSizes } from "./sample-sizes.ts";

/** How far, relatively, half precision may be from a number of the network's own. */
const MOST_ROUNDING = 0.01;

type Attributes = Readonly<Record<string, OnnxAttribute>>;

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
  readonly #sizes: SampleSizes | undefined;
  readonly #input: string;
  readonly #precision: Precision;
  #type: Precision;
  readonly #constants: Constants;
  readonly #layouts: Layouts;
  /** What nodes give, by the name that they give it: its shape, where that is known. */
  readonly #shapes = new Map<string, readonly Size[]>();
  /** Values that are known already, by what they are computed from. */
  readonly #computed = new Map<string, string>();
  readonly #taken: Set<string>;

  constructor(state: GivenState, { precision = "f32", reserved = [], sizes, input = "" }: WriterOptions = {}) {
    this.#precision = precision;
    this.#type = precision;
    this.#taken = new Set(reserved);
    this.#sizes = sizes;
    this.#input = input;
    this.#constants = new Constants(state, precision, (name) => this.#unique(name));
    this.#layouts = new Layouts({
      sizesOf: (tensor) => this.sizesOf(tensor),
      reshape: (value, to, from) => this.#reshaped(value, to, from),
      transpose: (value, perm) => this.#once("Transpose", [value], { perm }),
      constant: (tensor) => this.#constantOf(tensor),
      heard: ({ tensor, order, value }) => {
        const known = this.#sizes?.known(tensor) ?? (this.#sizes ? undefined : tensor.shape);
        if (known) this.#shapes.set(value, order.map((axis) => known[axis]!)); // prettier-ignore
      },
    });
  }

  /** @throws ExportError for a weight that half precision cannot hold */
  constants(): OnnxTensor[] {
    return this.#constants.all();
  }

  /** The export's own constants: for each name, what it is. */
  ownConstants(): ReadonlyMap<string, string> {
    return this.#constants.own();
  }

  /** The shapes of what nodes give, for who looks at the graph. */
  values(): OnnxValue[] {
    const given = new Set(this.nodes.flatMap(({ outputs }) => outputs));
    return [...this.#shapes].flatMap(([name, sizes]) =>
      given.has(name) ? [{ name, type: this.#precision, shape: sizes.map(dimensionOf), description: "" }] : [],
    );
  }

  orderOf(tensor: Tensor): readonly number[] {
    return this.#layouts.orderOf(tensor);
  }

  read(tensor: Tensor, order: readonly number[] = usualOrder(tensor)): string {
    return this.#layouts.read(tensor, order);
  }

  readFlattened(tensor: Tensor): string {
    if (tensor instanceof Parameter && tensor.layout === "flattened") return this.#constants.value(this.stored(tensor));
    if (this.#constants.isStored(tensor)) return this.#constants.value(this.stored(tensor));
    return this.add("Flatten", [this.read(tensor, [3, 2, 0, 1])], { axis: 1 });
  }

  write(tensor: Tensor, value: string, order: readonly number[] = usualOrder(tensor)): void {
    this.#layouts.write(tensor, value, order);
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

  add(op: string, inputs: readonly string[], attributes: Attributes = {}): string {
    return this.addMany(op, inputs, 1, attributes)[0]!;
  }

  addMany(op: string, inputs: readonly string[], outputs: number, attributes: Attributes = {}): string[] {
    const name = this.#unique(`${this.layer && `/${this.layer.replaceAll(".", "/")}`}/${op}`);
    const values = Array.from({ length: outputs }, (_, i) => (outputs === 1 ? name : `${name}:${i}`));
    this.nodes.push({ op, name, inputs, outputs: values, attributes });
    this.origins.set(name, this.at);
    return values;
  }

  reshape(value: string, sizes: readonly Size[]): string {
    const open = sizes.filter((size) => typeof size === "object").length;
    const fixed = () => this.integers(sizes.map((size) => (typeof size === "number" ? size : -1)));
    return this.#once("Reshape", [value, open > 1 ? this.shape(sizes) : fixed()]);
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

  integers(values: readonly number[], scalar?: "scalar"): string {
    return this.#constants.integers(scalar ? [] : [values.length], values);
  }

  floats(shape: readonly number[], values: readonly number[], precision?: "single"): string {
    const type = precision ? "f32" : this.#type;
    const isFar = (value: number) => Math.abs(nearestHalf(value) / value - 1) > MOST_ROUNDING;
    const bad = type === "f16" ? values.find(isFar) : undefined;
    if (bad !== undefined) {
      const rounded = nearestHalf(bad);
      const half = Number.isFinite(rounded) ? rounded : "infinite";
      throw new ExportError(`${this.at}: ${bad} is ${half} in half precision; export the network in f32`);
    }
    return this.#constants.floats(type, shape, values);
  }

  stored(tensor: Tensor): StoredConstant {
    return this.#constants.stored(tensor);
  }

  store(tensor: Tensor, constant: StoredConstant): void {
    this.#constants.store(tensor, constant);
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
      else further.push({ op: "Identity", name: this.#unique(`/${name}`), inputs: [value], outputs: [name], attributes: {} }); // prettier-ignore
    }
    const named = (all: readonly string[]) => all.map((value) => names.get(value) ?? value);
    this.nodes = [
      ...this.nodes.map((node) => ({ ...node, inputs: named(node.inputs), outputs: named(node.outputs) })),
      ...further.map((node) => ({ ...node, inputs: named(node.inputs) })),
    ];
  }

  /** As `reshape`, of a value of these sizes. */
  #reshaped(value: string, to: readonly Size[], from: readonly Size[]): string {
    const [samples] = to;
    const isFlat =
      to.length === 2 && typeof samples === "object" && JSON.stringify(from[0]) === JSON.stringify(samples);
    return isFlat ? this.#once("Flatten", [value], { axis: 1 }) : this.reshape(value, to);
  }

  /** Adds a node unless there is the same already. */
  #once(op: string, inputs: readonly string[], attributes: Attributes = {}): string {
    const key = JSON.stringify([op, inputs, attributes]);
    const value = this.#computed.get(key) ?? this.add(op, inputs, attributes);
    this.#computed.set(key, value);
    return value;
  }

  #constantOf(tensor: Tensor): { value: string; order: readonly number[] } {
    const constant = this.stored(tensor);
    const { order, shape } = constant;
    const value = this.#constants.value(constant);
    // A flattened matrix is that of a map again.
    const isFlat = shape.length !== order.length;
    return { order, value: isFlat ? this.reshape(value, order.map((axis) => tensor.shape[axis]!)) : value }; // prettier-ignore
  }

  #unique(name: string): string {
    let [unique, i] = [name, 0];
    while (this.#taken.has(unique)) unique = `${name}_${++i}`;
    this.#taken.add(unique);
    return unique;
  }
}
