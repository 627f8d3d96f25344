/** A recording of kernel calls: forward pass, backward pass and updates alike. */
import type { DType, Kernel } from "../kernels/kernel.ts";
import {
  aKind,
  bytesOf,
  isList,
  requireKnown,
  requireShape,
  requireSizes,
  showSpec,
  sizeOf,
  ShapeError,
} from "../kernels/kernel.ts";
import { pointwiseKernel } from "../kernels/pointwise.ts";
import { Tensor, Variable, viewOf, type GradientRule, type Node, type Source } from "./tensor.ts";

/** What a graph is recorded for. */
export interface GraphOptions {
  /**
   * Whether modules that behave differently in training do so here: every run then normalises by its batch's statistics and
   * updates the running ones. For inference, record a separate graph. Default false.
   */
  training?: boolean;
  /**
   * Paths of modules that behave as in inference even in a training graph, with all below them: normalised by running statistics, which stay
   * as they are; nothing is dropped. For parts of a network that are not trained.
   */
  evaluating?: readonly string[];
}

/** A module, or whatever else may be told to behave as in inference. */
export interface Moded {
  readonly training: boolean;
}

/** What is recorded with a kernel call besides its operands. */
export interface RecordOptions {
  /** Persistent tensors that the kernel reads and writes in place. */
  updates?: readonly Variable[];
  gradient?: GradientRule;
  shapes?: readonly (readonly number[])[];
  /** As in `Node`. */
  settings?: object;
}

/** Bytes to which packed tensors are aligned: WebGPU's floor for binding offsets. */
export const PACK_ALIGNMENT_BYTES = 256;

/** What is computed: kernel calls on symbolic tensors, recorded by ops once and run many times as the plan that `compile` makes of it. */
export class Graph {
  readonly evaluating: readonly string[];
  readonly nodes: Node[] = [];
  readonly inputs = new Map<string, Tensor>();
  /** Id of the first node of the backward pass, once there is one. */
  backwardFrom: number | undefined;
  /** The modules that were recorded, with the mode that each had. */
  readonly modes = new Map<Moded, boolean>();
  readonly #training: boolean;
  #layer = "";
  #mode = true;
  #untrained: string | undefined;

  /** @throws ShapeError for an unknown option */
  constructor(options: GraphOptions = {}) {
    requireKnown("Graph", options, ["training", "evaluating"]);
    const { training = false, evaluating = [] } = options;
    requireShape(typeof training === "boolean", () => `Graph: training is ${aKind(training)}, not true or false`);
    requireShape(
      isList(evaluating) && (evaluating as readonly unknown[]).every((path) => typeof path === "string"),
      () => `Graph: evaluating is ${aKind(evaluating)}, not an array of paths of modules`,
    );
    this.#training = training;
    this.evaluating = evaluating;
  }

  /** Whether what is recorded now behaves as in training. */
  get training(): boolean {
    return this.#training && this.#mode && !this.evaluating.some((path) => isWithin(this.#layer, path));
  }

  /** The same, for a layer that does otherwise in inference: whoever trains by the graph is told that it does. */
  follow(op: string): boolean {
    if (!this.#training && this.#mode) this.#untrained ??= this.#layer || op;
    return this.training;
  }

  /** A layer that was recorded as in inference because the graph is none for training; undefined where there is none. */
  get untrained(): string | undefined {
    return this.#untrained;
  }

  /**
   * A tensor whose values every run takes by name.
   * @throws ShapeError for an invalid shape or an unknown type
   * @throws RangeError if the name is taken
   */
  input(name: string, shape: readonly number[], dtype: DType = "f32"): Tensor {
    if (typeof name !== "string" || name === "")
      throw new TypeError(`input: the name must be a non-empty string, got ${aKind(name)}`);
    requireShape(
      ["f32", "u32"].includes(dtype),
      () => `input ${name}: unknown type ${dtype}; the types are f32 and u32`,
    );
    if (this.inputs.has(name)) throw new RangeError(`the graph already has an input ${name}`);
    requireSizes(`input ${name}`, shape);
    const tensor = new Tensor({ shape, dtype }, { kind: "input", name }, this);
    this.inputs.set(name, tensor);
    return tensor;
  }

  /**
   * Records a kernel call. The kernel's own function has checked the shapes; here only sizes are compared, so that a
   * kernel may see [N, C] as [N, 1, 1, C]. `shapes` are the outputs' shapes where they differ from the kernel's.
   * @throws ShapeError
   * @throws TypeError if an operand belongs to another graph, or is a parameter that is not registered with a finished module
   */
  record(
    kernel: Kernel,
    operands: readonly Tensor[],
    { updates = [], gradient, shapes, settings }: RecordOptions = {},
  ): readonly Tensor[] {
    const inputs = operands.map(({ base }) => base);
    for (const [given, wanted] of [
      [inputs, kernel.inputs],
      [updates, kernel.updates],
    ] as const) {
      requireShape(
        given.length === wanted.length &&
          given.every((t, i) => t.size === sizeOf(wanted[i]!.shape) && t.dtype === wanted[i]!.dtype),
        () => {
          const got = given === inputs ? operands : given;
          return `${kernel.name}: expected ${wanted.map(showSpec).join(", ")}, got ${got.map(showSpec).join(", ")}`;
        },
      );
    }
    for (const tensor of [...inputs, ...updates]) this.#requireOwn(kernel, tensor);
    const apart = inputs.map((t, i) => (inputs.indexOf(t) < i ? this.#copy(t) : t));
    const outputs: Tensor[] = [];
    const node: Node = {
      id: this.nodes.length,
      kernel,
      inputs: apart,
      outputs,
      updates,
      gradient,
      settings,
      operands: apart.map((t, i) => (t === inputs[i] ? operands[i]! : viewOf(t, operands[i]!.shape))),
      layer: this.#layer,
    };
    for (const [index, spec] of kernel.outputs.entries()) {
      const source: Source = { kind: "node", node, index };
      outputs.push(new Tensor({ shape: shapes?.[index] ?? spec.shape, dtype: spec.dtype }, source, this));
    }
    this.nodes.push(node);
    return outputs;
  }

  #requireOwn({ name }: Kernel, tensor: Tensor): void {
    if (tensor.graph && tensor.graph !== this) {
      throw new TypeError(`${name}: ${ofOthers(tensor)}`);
    }
    const unfit = tensor instanceof Variable && tensor.unfit;
    if (unfit) throw new TypeError(`${this.#layer ? `${this.#layer}: ` : ""}${name}: ${unfit}`);
  }

  /** All bindings are writable, and WebGPU does not let those overlap: a kernel that takes one tensor twice gets a copy. */
  #copy(tensor: Tensor): Tensor {
    const kernel = pointwiseKernel("copy", tensor.shape, 1, "a");
    return this.record(kernel, [tensor], { gradient: ([dy]) => [dy] })[0]!;
  }

  /**
   * Runs `f`; what it records carries `layer`, the path of a module. Within, ops take variables alone too, such as a penalty on weights:
   * `graph.scope("penalty", () => sum(mul(weight, weight)))`.
   * @param layer undefined: that around the call
   * @param module whose mode holds; by default that around the call
   */
  scope<T>(layer: string | undefined, f: () => T, module?: Moded): T {
    const outer = { graph: current, layer: this.#layer, mode: this.#mode };
    // eslint-disable-next-line @typescript-eslint/no-this-alias
    current = this;
    this.#layer = layer ?? this.#layer;
    if (module) {
      this.#mode = module.training;
      this.modes.set(module, module.training);
    }
    try {
      return f();
    } catch (error) {
      if (layer && error instanceof ShapeError && !error.layer) {
        error.layer = layer;
        error.message = `${layer}: ${error.message}`;
      }
      throw error;
    } finally {
      current = outer.graph;
      this.#layer = outer.layer;
      this.#mode = outer.mode;
    }
  }

  /**
   * One flat tensor of `floats` elements in which part i begins at element `offsets[i]`. The parts are computed directly in
   * place; one that is not a node's output, or already has a place, is copied. What lies between them is undefined.
   */
  pack(parts: readonly Tensor[], offsets: readonly number[], floats: number): Tensor {
    const bases = parts.map(({ base }) => base);
    const own = bases.map((part, i) => {
      const placed = part.within !== undefined || bases.indexOf(part) < i;
      if (part.source.kind === "node" && part.graph === this && !placed) return part;
      return this.#copy(part);
    });
    const base = new Tensor({ shape: [floats], dtype: "f32" }, { kind: "pack", parts: own }, this);
    for (const [i, part] of own.entries()) {
      const offset = 4 * offsets[i]!;
      if (offset % PACK_ALIGNMENT_BYTES !== 0 || offset + bytesOf(part) > base.bytes) {
        throw new RangeError(`pack: offset ${offset} of ${part.label} is misaligned or out of range`);
      }
      part.within = { base, offset };
    }
    return base;
  }
}

/** The graph whose scope runs. */
let current: Graph | undefined;

/**
 * The graph that a call with these operands belongs to, or in whose scope it is made with variables alone; the first argument may be the op's name, for errors.
 * @throws TypeError if there is none, or more than one
 */
export function graphOf(...operands: readonly (string | Tensor)[]): Graph {
  const op = typeof operands[0] === "string" ? `${operands[0]}: ` : "";
  let graph: Graph | undefined;
  for (const tensor of operands) {
    if (typeof tensor === "string" || !tensor.graph) continue;
    graph ??= tensor.graph as Graph;
    if (tensor.graph !== graph) throw new TypeError(`${op}${ofOthers(tensor)}`);
  }
  graph ??= current;
  if (graph) return graph;
  throw new TypeError(
    `${op}an op needs at least one operand that belongs to a graph; with parameters alone, call it in graph.scope(name, () => …), as the loss ` +
      "of a trainer is",
  );
}

/** Whether a module's path is another's, or below it. */
const isWithin = (path: string, other: string): boolean =>
  other === "" || path === other || path.startsWith(`${other}.`);

const ofOthers = ({ label }: Tensor): string =>
  `the operands of an op belong to different graphs: ${label} belongs to another graph`;
