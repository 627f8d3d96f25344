/** Symbolic tensors: what a graph's nodes read and write. */
import type { Gpu } from "../gpu/gpu.ts";
import type { DType, HostArray, Kernel, Spec } from "../kernels/kernel.ts";
import { aKind, requireFloats, requireSizes, sameShape, showShape, showSpec, sizeOf } from "../kernels/kernel.ts";

/**
 * How the gradient of an op is computed: given dy for each output (undefined where the loss does not depend on it) and
 * which inputs need a gradient, returns a gradient for each of those inputs (undefined for none). It records ordinary
 * ops in the same graph.
 */
export type GradientRule = (
  dy: readonly (Tensor | undefined)[],
  wanted: readonly boolean[],
) => readonly (Tensor | undefined)[];

/** One kernel call of a graph. */
export interface Node {
  /** Position in the order of recording, which is the order of execution. */
  readonly id: number;
  readonly kernel: Kernel;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  /** Persistent tensors that the kernel reads and writes in place. */
  readonly updates: readonly Variable[];
  readonly gradient: GradientRule | undefined;
  /** What the op does besides what its operands and their shapes say, such as a stride: for readers of the graph, such as an export. */
  readonly settings?: object | undefined;
  /** The inputs as the op was given them: where it reads one in another shape, the view (`viewOf`). */
  readonly operands: readonly Tensor[];
  /** Path of the module that recorded it, for errors and profiles. */
  readonly layer: string;
}

/** Whether a node exists only for what it updates. */
export const isUpdate = ({ outputs, updates }: Node): boolean => outputs.length === 0 && updates.length > 0;

/** Whether none of them is there twice: all bindings are writable, and WebGPU does not let those overlap. */
export const areApart = (tensors: readonly Tensor[]): boolean => new Set(tensors).size === tensors.length;

/** Where a tensor's values come from. */
export type Source =
  | { readonly kind: "node"; readonly node: Node; readonly index: number }
  /** Supplied with every run. */
  | { readonly kind: "input"; readonly name: string }
  /** Kept on the device from run to run. */
  | { readonly kind: "variable" }
  /** Other tensors laid out one after another. */
  | { readonly kind: "pack"; readonly parts: readonly Tensor[] };

/**
 * A symbolic tensor: a shape, a type, and what computes it. Ops take and return them; values exist when a plan runs. Activations are
 * [N, H, W, C]. It has methods, as in `x.mul(2)`, once `mganet-webgpu/methods` is imported; without that they do not exist.
 */
export class Tensor implements Spec {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly source: Source;
  /** The graph that it was recorded in (`graphOf` gives it); undefined for variables, which any graph may use. */
  readonly graph: object | undefined;
  /** Set by `Graph.pack`: this tensor's memory is part of another's. Offset in bytes. */
  within: { readonly base: Tensor; readonly offset: number } | undefined;
  /** Of an input: what is wrong with values given for it; undefined if nothing is. */
  readonly checks: ((values: HostArray) => string | undefined)[];
  /** The tensor whose memory this one reads in another shape (`viewOf`); itself where it is no view. Nodes read and write bases only. */
  readonly base: Tensor;
  /** Whether it is read in another shape, too: what reads it need not take its sizes for granted. */
  viewed = false;

  constructor(spec: Spec, source: Source, graph: object | undefined, base?: Tensor) {
    this.shape = [...spec.shape];
    this.dtype = spec.dtype;
    this.source = source;
    this.graph = graph;
    this.base = base ?? this;
    this.checks = base?.checks ?? [];
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }

  /** Its size in memory. */
  get bytes(): number {
    return 4 * this.size;
  }

  /** What to call it in an error. */
  get label(): string {
    const { source } = this;
    if (source.kind === "node") {
      const output = source.node.outputs.length > 1 ? ` (output ${source.index})` : "";
      return `${source.node.layer ? `${source.node.layer}: ` : ""}${source.node.kernel.name}${output}`;
    }
    return source.kind === "input" ? `input ${source.name}` : source.kind;
  }

  /** What it is, for messages; values exist when a plan runs. */
  toString(): string {
    return `tensor ${showSpec(this)} (${this.label})`;
  }

  /**
   * A tensor is a text by `toString`, and never a number: JavaScript's operators would make NaN of it, or false, without a word.
   * @throws TypeError that names the ops to use
   */
  [Symbol.toPrimitive](hint: string): string {
    if (hint === "string") return this.toString();
    throw new TypeError(
      `${this.label}: operators such as +, * and > do not compute with tensors: call add(a, b), sub, mul, div or neg of mganet-webgpu ` +
        "(or a.add(b), with mganet-webgpu/methods imported), and compare the numbers that a plan's run or a trainer returns",
    );
  }
}

/**
 * The same values in the same order and memory, in a shape of as many elements: itself if it is the tensor's own. Gradients with respect to
 * either are gradients with respect to both.
 */
export function viewOf(tensor: Tensor, shape: readonly number[]): Tensor {
  const { base } = tensor;
  if (sameShape(shape, tensor.shape)) return tensor;
  if (sameShape(shape, base.shape)) return base;
  base.viewed = true;
  return new Tensor({ shape, dtype: base.dtype }, base.source, base.graph, base);
}

/** A device on which a variable has values. */
export interface Residence {
  readonly gpu: Gpu;
  /** How often they were written there after the initial ones. */
  readonly writes: { readonly count: number };
}

/** @throws TypeError if an operand of an op is something else */
export function requireTensors(op: string, ...operands: readonly unknown[]): void {
  const i = operands.findIndex((operand) => !(operand instanceof Tensor));
  if (i < 0) return;
  throw new TypeError(`${op}: operand ${i + 1} of ${operands.length} is ${aKind(operands[i])}, not a tensor`);
}

/** A parameter or other state that lives on the device between runs and is shared by graphs. */
export class Variable extends Tensor {
  name: string;
  #initial: Float32Array | (() => Float32Array) | undefined;
  /** Set by `Slab`: its place in a buffer shared with others. Offset in bytes. */
  place: { readonly slab: object; readonly offset: number } | undefined;
  /** Whether it was given values on a device where it has not been released. */
  written = false;
  /** The devices on which it has been used and not released. */
  readonly residences = new Set<Residence>();

  /**
   * @param initial is copied
   * @throws ShapeError if `shape` is not a shape
   * @throws TypeError if `initial` is not a Float32Array
   */
  constructor(name: string, shape: readonly number[], initial?: Float32Array) {
    requireSizes(`variable ${name}`.trimEnd(), shape);
    super({ shape, dtype: "f32" }, { kind: "variable" }, undefined);
    if (initial) requireFloats(`the initial value of variable ${name}`.trimEnd(), initial);
    if (initial && initial.length !== sizeOf(shape)) {
      throw new RangeError(`variable ${name} has ${sizeOf(shape)} elements, but ${initial.length} initial values`);
    }
    this.name = name;
    this.#initial = initial?.slice();
  }

  /**
   * Values when the variable is first used on a device; zeros where undefined. A function's are computed anew for each reader, so
   * that nobody waits for values that are never used and no copy of them stays in memory.
   */
  get initial(): Float32Array | undefined {
    return typeof this.#initial === "function" ? this.#initial() : this.#initial;
  }

  /** The values are not copied. */
  set initial(values: Float32Array | (() => Float32Array) | undefined) {
    this.#initial = values;
  }

  override get label(): string {
    return this.name || `variable ${showShape(this.shape)}`;
  }

  /** Why it cannot be used in a graph yet; undefined where it can. */
  get unfit(): string | undefined {
    return undefined;
  }
}
