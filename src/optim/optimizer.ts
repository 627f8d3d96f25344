/** What all optimisers have in common: their parameters, the recorded step, the values of each step, their state. */
import { add, scale, sum } from "../autograd/elementwise.ts";
import { gradientsWhereUsed } from "../autograd/gradients.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { Graph } from "../graph/graph.ts";
import { releaseVariables, Slab } from "../graph/storage.ts";
import { Variable, type Node, type Tensor } from "../graph/tensor.ts";
import { aKind, type Kernel } from "../kernels/kernel.ts";
import type { Hyper } from "../kernels/update.ts";
import type { GivenState, Parameter, SavedState } from "../nn/module.ts";
import { clipTo, type Packed } from "./clip.ts";
import { groupsOf, type CommonOptions, type Group, type Rates, type Reading, type Trained } from "./groups.ts";
import { runsWhere, type Run } from "./slabs.ts";
import { readState, writeState, type Kept } from "./state.ts";

/** How an optimiser updates: what is different between Adam and SGD. */
export interface Rule<O extends Rates> extends Reading<O> {
  /** Tensors that it keeps for each parameter: PyTorch's name, and that of the variable. */
  state(options: O): readonly { readonly key: string; readonly name: string }[];
  /** Values that change from step to step, counted from 1: as many for every group. */
  hyper(options: O, lr: number, step: number): readonly number[];
  /** The update of `count` floats: gradient, hyper, guard (, factor if clipped) -> p and its state. */
  kernel(count: number, options: O, form: { hyper: Hyper; clipped: boolean }): Kernel;
}

/** A step recorded in a graph. */
export interface Recorded {
  /** To be named as `updates` of compile. */
  readonly updates: Node[];
  /** Of the parameters that the loss depends on, before they are clipped. */
  readonly gradients: Map<Parameter, Tensor>;
  /** A number [1] that is not finite when something went wrong: the step then leaves parameters and state unchanged. */
  readonly guard: Tensor;
  /** The norm [1] of all gradients together, before they are clipped; only with the option `clip`. */
  readonly norm?: Tensor;
  /** The parameters that the loss does not depend on, which the step leaves as they are. */
  readonly unused: readonly Parameter[];
}

/** Bytes at which a binding may begin, in floats. */
const GROUP_STRIDE = 64;

/** Names of parameters in an error. */
const MAX_NAMES = 4;

/** What Adam, AdamW and SGD have in common: groups, clipping, state, and how a step is recorded. */
export abstract class Optimizer<O extends Rates = Rates> {
  /** Of all parameters but those of groups that have their own. `lr` may be changed between steps; the rest is part of recorded steps. */
  readonly options: O;
  /** The groups with parameters: first those that are in none that was given, then the others in order. */
  readonly groups: readonly Group<O>[];
  /** Steps taken. */
  steps = 0;
  readonly #rule: Rule<O>;
  readonly #clip: number | undefined;
  readonly #skips: boolean;
  readonly #kept: readonly (Kept & { readonly group: number })[];
  #unused: string | undefined;

  protected constructor(rule: Rule<O>, trained: Trained, given: CommonOptions<object>) {
    const { clip, unusedParameters = "error" } = given;
    if (clip !== undefined && !(typeof clip === "number" && Math.fround(clip) > 0)) {
      throw new RangeError(`${rule.name}: clip must be a number above 0, got ${String(clip)}`);
    }
    if (!["error", "skip"].includes(unusedParameters)) {
      throw new RangeError(`${rule.name}: unusedParameters must be "error" or "skip", got ${unusedParameters}`);
    }
    this.#rule = rule;
    this.#clip = clip;
    this.#skips = unusedParameters === "skip";
    const { options, groups } = groupsOf(rule, trained, given);
    for (const each of [options, ...groups.map((group) => group.options)]) {
      // The rest is part of the recorded step.
      for (const name of Object.keys(each)) {
        if (name !== "lr") Object.defineProperty(each, name, { writable: false });
      }
    }
    this.options = options;
    this.groups = groups;
    this.#kept = groups.flatMap(({ runs, options }, group) => {
      return runs.map((run) => ({ group, run, state: rule.state(options).map((tensor) => keep(run, tensor)) }));
    });
    // What a program would add, such as an lr beside the options, would do nothing.
    for (const each of [...groups, this]) Object.preventExtensions(each);
  }

  /** What it trains, each once. */
  get parameters(): Parameter[] {
    return this.groups.flatMap(({ parameters }) => parameters);
  }

  /** Where its parameters lie, and the tensors that it keeps for them. */
  protected get kept(): readonly Kept[] {
    return this.#kept;
  }

  /** State tensors by name, one for each slab of parameters; `stateDict` has them by parameter. */
  get state(): [string, Variable][] {
    return this.#kept.flatMap(({ state }, i) =>
      state.map(({ name, slab }): [string, Variable] => [name.replace(".", `.${i}.`), slab.flat]),
    );
  }

  /**
   * Records the backward pass of `loss` and one step. The graph gains an input, named as the optimiser is ("adam", "adamw", "sgd") unless
   * `input` says otherwise, to be filled from `advance`; where two optimisers are recorded in one graph, each needs its own.
   * @throws RangeError if the graph has an input of this name, or the optimiser was recorded with other unused parameters
   * @throws TypeError if the loss does not depend on a parameter, and the option `unusedParameters` does not allow for that; or if a batch
   *   normalisation or dropout was recorded as in inference because the graph is none for training
   */
  record(graph: Graph, loss: Tensor, input = this.#call): Recorded {
    const { name } = this.#rule;
    if (graph.inputs.has(input)) {
      throw new RangeError(
        `${name}: the graph already has an input ${input}; for a second optimiser, use another name: record(graph, loss, "${this.#call}2")`,
      );
    }
    if (graph.untrained !== undefined) {
      throw new TypeError(
        `${name}: ${graph.untrained} was recorded as in inference: record a loss to train by in new Graph({ training: true }), or call eval() on ` +
          "modules that shall behave so",
      );
    }
    const { parameters } = this;
    const all = gradientsWhereUsed(loss, parameters);
    const used = new Map<Variable, Tensor>();
    for (const [i, gradient] of all.entries()) if (gradient) used.set(parameters[i]!, gradient);
    const unused = parameters.filter((parameter) => !used.has(parameter));
    this.#requireAllowed(unused);
    const stride = this.groups.length === 1 ? 0 : GROUP_STRIDE;
    const width = this.#rule.hyper(this.options, 0, 1).length;
    const floats = stride * (this.groups.length - 1) + width;
    const hyper = graph.input(input, [floats]);
    hyper.checks.push(unusedBefore(this, this.#call));
    const packed = this.#kept.flatMap(({ group, run, state }) =>
      runsWhere(run, (i) => used.has(run.slab.variables[i]!)).map((part) => {
        return { ...packGradients(graph, part, used), group, part, state, begin: part.first - run.first };
      }),
    );
    const clipped = this.#clip === undefined ? undefined : clipTo(graph, packed, this.#clip);
    const guard = clipped ? add(loss, scale(clipped.norm, GUARD_SCALE)) : guardOf(loss, [...used.values()]);
    const factor = clipped && Number.isFinite(this.#clip) ? [clipped.factor] : [];
    const updates = packed.map(({ gradient, group, part, state, begin }) => {
      const own = stride === 0 ? {} : { own: { first: stride * group, count: width } };
      const form = { hyper: { floats, ...own }, clipped: factor.length > 0 };
      const kernel = this.#rule.kernel(gradient.size, this.groups[group]!.options, form);
      const target = part.slab.range(part.first, part.count);
      const kept = state.map(({ slab }) => slab.range(begin, part.count));
      graph.record(kernel, [gradient, hyper, guard, ...factor], { updates: [target, ...kept] });
      return graph.nodes.at(-1)!;
    });
    const gradients = used as Map<Parameter, Tensor>;
    return { updates, gradients, guard, unused, ...(clipped && { norm: clipped.norm }) };
  }

  /**
   * Counts one step and returns the values of the recorded input for it, at a learning rate of `lr`; for one run only. Groups with a
   * rate of their own keep their ratio to that of the others.
   * @throws RangeError if `lr` is not a number, or negative; or is above 0 where the optimiser's is 0 and a group has its own
   */
  advance(lr = this.options.lr): Float32Array {
    const rule = this.#rule;
    const { name } = rule;
    requireRate(name, lr);
    const usual = this.options.lr;
    if (usual === 0 && lr !== 0 && this.groups.some(({ ownRate }) => ownRate)) {
      throw new RangeError(`${name}: groups keep their ratio to the learning rate, which is 0: set options.lr above 0`);
    }
    const rates = this.groups.map(({ options, ownRate }) => {
      return ownRate ? options.lr * (lr === usual ? 1 : lr / usual) : lr;
    });
    this.steps++;
    const values = this.groups.map(({ options }, i) => rule.hyper(options, rates[i]!, this.steps));
    const all = new Float32Array(GROUP_STRIDE * (values.length - 1) + values[0]!.length);
    for (const [i, each] of values.entries()) all.set(each, GROUP_STRIDE * i);
    advanced.set(all, this);
    return all;
  }

  /**
   * Its state on `gpu` by PyTorch's names, such as `exp_avg.conv1.weight`, and the number of steps as `step`; not its options.
   * @throws RangeError if two parameters have one name
   * @throws GpuError if it was changed on another device only
   */
  stateDict(gpu: Gpu): Promise<SavedState> {
    return readState(gpu, this.#rule.name, this.#kept, this.steps);
  }

  /**
   * Sets state and number of steps, after which training goes on as if it had not been interrupted. Options, such as `lr`, are those of the
   * constructor.
   * @throws StateDictError if anything is missing, unknown, of another shape or not a number; nothing is changed then
   */
  loadStateDict(gpu: Gpu, state: GivenState): void {
    this.steps = writeState(gpu, this.#rule.name, this.#kept, state);
  }

  /** Frees its state on `gpu`, and sets `steps` to 0: a later use starts anew. Plans that it was recorded in cannot run again. */
  release(gpu: Gpu): void {
    const flats = this.state.map(([, variable]) => variable);
    releaseVariables(gpu, flats);
    this.steps = 0;
  }

  /** What a variable that is this optimiser would be called. */
  get #call(): string {
    return this.#rule.name.toLowerCase();
  }

  #requireAllowed(unused: readonly Parameter[]): void {
    const { name } = this.#rule;
    const names = unused.map(({ label }) => label);
    const listed = names.slice(0, MAX_NAMES).join(", ");
    const some = names.length > MAX_NAMES ? `${listed} and ${names.length - MAX_NAMES} more` : listed;
    if (names.length === this.parameters.length) throw new TypeError(`${name}: the loss does not depend on ${some}`);
    if (names.length > 0 && !this.#skips) {
      throw new TypeError(
        `${name}: the loss does not depend on ${some}: leave them out of what the optimiser trains, or pass { unusedParameters: "skip" }`,
      );
    }
    const key = names.join();
    // Steps are counted once for all parameters, so each has to take part in all of them or none.
    if (this.#unused !== undefined && this.#unused !== key) {
      throw new RangeError(
        `${name}: this loss depends on other parameters than the one recorded before; make an optimiser for each of the two`,
      );
    }
    this.#unused = key;
  }
}

/** State of a run's parameters, laid out as they are. */
function keep({ slab, first, count }: Run, { key, name }: { key: string; name: string }) {
  const own = new Slab(
    slab.variables.slice(first, first + count).map(({ shape, name }) => new Variable(`${key}.${name}`, shape)),
  );
  own.flat.name = name;
  return { key, name, slab: own };
}

function packGradients(graph: Graph, { slab, first, count }: Run, used: ReadonlyMap<Variable, Tensor>): Packed {
  const variables = slab.variables.slice(first, first + count);
  const offsets = slab.offsets.slice(first, first + count).map((offset) => offset - slab.offsets[first]!);
  const parts = variables.map((variable) => used.get(variable)!);
  const tensors = variables.map(({ size }, i) => ({ offset: offsets[i]!, floats: size }));
  return { gradient: graph.pack(parts, offsets, slab.range(first, count).size), tensors };
}

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

/** Which optimiser's `advance` returned these values. */
const advanced = new WeakMap<object, Optimizer>();

/** Checks that a plan takes values of `advance` only from its own optimiser, and each only once. */
function unusedBefore(optimizer: Optimizer, call: string) {
  const used = new WeakSet<object>();
  return (values: object): string | undefined => {
    if (used.has(values)) return `these values were already used for a step; call ${call}.advance() for every step`;
    const whose = advanced.get(values);
    if (whose && whose !== optimizer) return "these values come from another optimiser's advance()";
    if (whose) used.add(values);
    return undefined;
  };
}

/** @throws RangeError unless `lr` is a learning rate */
export function requireRate(name: string, lr: number): void {
  if (Number.isFinite(lr) && lr >= 0) return;
  throw new RangeError(
    `${name}: the learning rate must be a number of at least 0, got ${typeof lr === "number" ? lr : aKind(lr)}`,
  );
}

/** @throws RangeError unless these options are numbers that f32 can hold, of at least 0 */
export function requireNotNegative(name: string, options: Record<string, number>): void {
  for (const [option, value] of Object.entries(options)) {
    if (Number.isFinite(value) && Number.isFinite(Math.fround(value)) && value >= 0) continue;
    throw new RangeError(`${name}: ${option} must be a number of at least 0, got ${value}`);
  }
}
