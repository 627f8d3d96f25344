/** The Adam optimiser, recorded in the training graph. */
import { add, scale, sum } from "../autograd/elementwise.ts";
import { gradients } from "../autograd/gradients.ts";
import type { Graph } from "../graph/graph.ts";
import { requirePlaceless, Slab } from "../graph/storage.ts";
import { Variable, type Node, type Tensor } from "../graph/tensor.ts";
import { adamKernel } from "../kernels/adam.ts";
import { aKind, isList } from "../kernels/kernel.ts";
import { Parameter } from "../nn/module.ts";

export interface AdamOptions {
  /** May be changed between steps. */
  lr: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
}

/** PyTorch's defaults except for the learning rate, which is the paper's. */
export const adamDefaults: AdamOptions = { lr: 1e-4, beta1: 0.9, beta2: 0.999, eps: 1e-8 };

/** Small enough to keep a finite loss finite; not 0, which a compiler may optimise away. */
const GUARD_SCALE = 1e-30;

/**
 * The loss, plus a tiny share of the gradients that are computed directly from the graph's inputs. The loss alone is not enough:
 * ReLU turns NaN into 0, so a batch with NaN in it has a finite loss. But the gradients of the first layers, where the
 * backward pass ends, pick up whatever is not finite in any layer.
 */
function guardOf(loss: Tensor, all: readonly Tensor[]): Tensor {
  const ends = all.filter(({ source }) => source.kind === "node" && source.node.inputs.some(isInput));
  return ends.reduce((guard, gradient) => add(guard, scale(sum(gradient), GUARD_SCALE)), loss);
}

const isInput = (tensor: Tensor): boolean => tensor.source.kind === "input";

/** Well below the 128 MiB that WebGPU guarantees for one binding. */
const SLAB_BYTES = 64 * 2 ** 20;

/**
 * Lays parameters out in slabs, so that one dispatch updates many of them. Parameters that were used before keep their values.
 * @throws RangeError if there are none, one is given twice or already belongs to a slab
 * @throws TypeError for a parameter that is not registered with a finished module
 */
export function slabsOf(parameters: readonly Parameter[]): Slab[] {
  if (!isList(parameters)) {
    throw new TypeError(`slabsOf: expected an array such as net.parameters(), got ${aKind(parameters)}`);
  }
  if (parameters.length === 0) {
    throw new RangeError("slabsOf: no parameters to train; are all modules in public properties of modules?");
  }
  const unfit = parameters.find((parameter) => parameter.unfit);
  if (unfit) throw new TypeError(`slabsOf: ${unfit.unfit}`);
  requirePlaceless(parameters);
  const slabs: Slab[] = [];
  let pending: Parameter[] = [];
  let bytes = 0;
  for (const parameter of parameters) {
    if (pending.length > 0 && bytes + parameter.bytes > SLAB_BYTES) {
      slabs.push(new Slab(pending));
      pending = [];
      bytes = 0;
    }
    pending.push(parameter);
    bytes += parameter.bytes;
  }
  if (pending.length > 0) slabs.push(new Slab(pending));
  return slabs;
}

/** Optimiser state over some slabs of parameters. */
export class Adam {
  readonly options: AdamOptions;
  readonly slabs: readonly Slab[];
  /** First and second moments of each slab. */
  readonly moments: readonly { readonly m: Variable; readonly v: Variable }[];
  /** Steps taken. */
  steps = 0;

  /**
   * @param options default: `adamDefaults`
   * @throws RangeError for invalid options, or without slabs
   */
  constructor(slabs: readonly Slab[], options: Partial<AdamOptions> = {}) {
    if (slabs.length === 0) throw new RangeError("Adam: no slabs of parameters to train");
    const wrong = slabs.find((slab: unknown) => !(slab instanceof Slab));
    if (wrong)
      throw new TypeError(`Adam: expected slabs, as slabsOf(net.parameters()) makes them, got ${aKind(wrong)}`);
    this.options = requireOptions({ ...adamDefaults, ...options });
    // The rest is part of the recorded step.
    for (const name of ["beta1", "beta2", "eps"]) Object.defineProperty(this.options, name, { writable: false });
    this.slabs = slabs;
    this.moments = slabs.map((slab) => ({
      m: new Variable("adam.m", [slab.floats]),
      v: new Variable("adam.v", [slab.floats]),
    }));
  }

  get parameters(): Parameter[] {
    return this.slabs.flatMap(({ variables }) => variables.filter((variable) => variable instanceof Parameter));
  }

  /** State tensors by name, for checkpoints. */
  get state(): [string, Variable][] {
    return this.moments.flatMap(({ m, v }, i): [string, Variable][] => [
      [`adam.${i}.m`, m],
      [`adam.${i}.v`, v],
    ]);
  }

  /**
   * Records the backward pass of `loss` and one step. The graph gains an input, named "adam" unless `input` says otherwise, to be
   * filled from `advance`; where two optimisers are recorded in one graph, each needs its own.
   * @returns the nodes to name as `updates` of compile, the gradients by parameter, and a number [1] that is not finite
   *   when something went wrong: the step then leaves parameters and moments unchanged
   */
  record(
    graph: Graph,
    loss: Tensor,
    input = "adam",
  ): { updates: Node[]; gradients: Map<Parameter, Tensor>; guard: Tensor } {
    if (graph.inputs.has(input)) {
      throw new RangeError(
        `Adam: the graph already has an input ${input}; for a second optimiser, use another name: record(graph, loss, "adam2")`,
      );
    }
    const { parameters } = this;
    const all = gradients(loss, parameters);
    const hyper = graph.input(input, [2]);
    hyper.checks.push(unusedBefore(this));
    const guard = guardOf(loss, all);
    const byParameter = new Map(parameters.map((p, i) => [p, all[i]!]));
    const byVariable: ReadonlyMap<Variable, Tensor> = byParameter;
    const updates = this.slabs.map((slab, i) => {
      const parts = slab.variables.map((variable) => byVariable.get(variable)!);
      const gradient = graph.pack(parts, slab.offsets, slab.floats);
      const { m, v } = this.moments[i]!;
      graph.record(adamKernel(slab.floats, this.options), [gradient, hyper, guard], { updates: [slab.flat, m, v] });
      return graph.nodes.at(-1)!;
    });
    return { updates, gradients: byParameter, guard };
  }

  /**
   * Counts one step and returns the value of the input "adam" for it, at a learning rate of `lr`; for one run only.
   * @throws RangeError if `lr` is not a number, or negative
   */
  advance(lr = this.options.lr): Float32Array {
    requireRate(lr);
    this.steps++;
    const { beta1, beta2 } = this.options;
    const hyper = Float32Array.of(lr / (1 - beta1 ** this.steps), 1 / Math.sqrt(1 - beta2 ** this.steps));
    advanced.set(hyper, this);
    return hyper;
  }
}

/** Which optimiser's `advance` returned these values. */
const advanced = new WeakMap<object, Adam>();

/** Checks that a plan takes values of `advance` only from its own optimiser, and each only once. */
function unusedBefore(adam: Adam) {
  const used = new WeakSet<object>();
  return (values: object): string | undefined => {
    if (used.has(values)) return "these values were already used for a step; call adam.advance() for every step";
    const whose = advanced.get(values);
    if (whose && whose !== adam) return "these values come from another optimiser's advance()";
    if (whose) used.add(values);
    return undefined;
  };
}

function requireRate(lr: number): void {
  if (Number.isFinite(lr) && lr >= 0) return;
  throw new RangeError(
    `Adam: the learning rate must be a number of at least 0, got ${typeof lr === "number" ? lr : aKind(lr)}`,
  );
}

function requireOptions(options: AdamOptions): AdamOptions {
  for (const name of Object.keys(options)) {
    if (name in adamDefaults) continue;
    throw new RangeError(`Adam: unknown option ${name}; the options are ${Object.keys(adamDefaults).join(", ")}`);
  }
  const { lr, beta1, beta2, eps } = options;
  requireRate(lr);
  for (const [name, beta] of Object.entries({ beta1, beta2 })) {
    if (!(beta >= 0 && beta < 1)) throw new RangeError(`Adam: ${name} must be at least 0 and less than 1, got ${beta}`);
  }
  if (!(Number.isFinite(eps) && eps >= 0)) throw new RangeError(`Adam: eps must be a number of at least 0, got ${eps}`);
  return options;
}
