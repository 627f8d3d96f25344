/** Modules: named trees of parameters, as in PyTorch. */
import type { Gpu } from "../gpu/gpu.ts";
import { aKind, requireFloats, showShape } from "../kernels/kernel.ts";
import { graphOf } from "../graph/graph.ts";
import { requireGpu } from "../graph/require-gpu.ts";
import { readVariable, releaseVariables, writeVariables } from "../graph/storage.ts";
import type { Tensor } from "../graph/tensor.ts";
import { initialValues } from "./init.ts";
import { fromTorch, savedTensor, torchShape } from "./layout.ts";
import { ADVICE, Parameter, type ParameterOptions } from "./parameter.ts";
import {
  requireMap,
  StateDictError,
  valuesIn,
  type GivenState,
  type SavedState,
  type StateDict,
} from "./state-dict.ts";

export { Parameter, type ParameterOptions };
export { StateDictError, type GivenState, type SavedState, type StateDict };

/** A module was used in an invalid way. */
export class ModuleError extends Error {
  override name = "ModuleError";
}

/** Says which values a parameter begins with; undefined: those that its layer gave it. */
export type Init = (name: string, parameter: Parameter) => Float32Array | (() => Float32Array) | undefined;

/** Parameters that a `finish` has named and given values. */
const finished = new WeakSet<Parameter>();

const finishedTwice = (kind: string, path: string): string =>
  `finish: this ${kind} is finished already${path && `, as ${path}`}, and its values stay as they are: give the seed to its first finish ` +
  "(the project's networks take it in their constructors), or set values by loadStateDict";

/** What has members by name: modules, and lists of them. */
export abstract class Holder {
  /** Its own members by name. */
  abstract members(): Iterable<readonly [string, unknown]>;
}

/**
 * A part of a network: parameters, buffers and further modules in public properties, as in PyTorch. A network's root is finished
 * once (`finish`), which gives all of them names and initial values.
 */
export abstract class Module extends Holder {
  #path: string | undefined;
  #training = true;

  /** Whether it behaves as in training where a graph trains: true until `eval`. */
  get training(): boolean {
    return this.#training;
  }

  /**
   * The module's path from the root, "" for the root; set by `finish`.
   * @throws ModuleError before that
   */
  get path(): string {
    if (this.#path === undefined)
      throw new ModuleError(`${this.constructor.name} is not part of a finished module: ${ADVICE}`);
    return this.#path;
  }

  /**
   * Every parameter and buffer below this module with its path from here, in order of definition: those in public properties,
   * arrays (by index), plain objects and maps (by key). A member with two paths is named twice.
   */
  *named(prefix = ""): Generator<[string, Parameter]> {
    for (const [path, member] of membersBelow(this, prefix, [])) if (member instanceof Parameter) yield [path, member];
  }

  /** This module and every one below it with its path from here, in order of definition, as `named` names parameters. */
  *namedModules(prefix = ""): Generator<[string, Module]> {
    yield [prefix, this];
    for (const [path, member] of membersBelow(this, prefix, [])) if (member instanceof Module) yield [path, member];
  }

  /** The trainable parameters, each once. */
  parameters(): Parameter[] {
    return [...new Set([...this.named()].map(([, p]) => p))].filter((p) => p.trainable);
  }

  /** Its own members by name; whoever keeps modules elsewhere than in public properties names them here, too. */
  override members(): Iterable<readonly [string, unknown]> {
    return Object.entries(this);
  }

  /**
   * Runs `f`; what it records goes by this module's path and mode. A layer without parameters need not be finished. Whoever calls `batchNorm2d` or
   * `dropout` in a module of one's own does so in here, for `eval` to hold.
   * @throws ModuleError if it has parameters, and is not part of a finished module
   */
  protected scoped<T>(x: Tensor, f: () => T): T {
    const hasParameters = [...this.members()].some(([, member]) => member instanceof Parameter);
    return graphOf(x).scope(hasParameters ? this.path : this.#path, f, this);
  }

  /**
   * Whether it behaves as in training in graphs that train, with all below it: normalises by the batch, moves its running statistics, drops values.
   * As in PyTorch: `train(false)`, or `eval()`, of a part keeps its statistics while the rest trains; its parameters are trained if the optimiser
   * has them. What a graph was recorded with stays; a `trainer` records anew. Inference, in `new Graph()`, by `predictor` and by `evaluate`, is the
   * same in either mode.
   * @returns the module itself
   * @throws TypeError for a mode that is neither true nor false
   */
  train(mode = true): this {
    if (typeof mode !== "boolean") throw new TypeError(`train: the mode is true or false, got ${aKind(mode)}`);
    for (const [, module] of this.namedModules()) module.#training = mode;
    return this;
  }

  /** As in inference, in graphs that train too: `train(false)`. */
  eval(): this {
    return this.train(false);
  }

  /**
   * Gives modules and parameters their paths, and each parameter its initial values. Call it on the root, once all modules exist; again
   * where some came later. A member with two paths gets the first. What is finished already, such as a network of `mganet-webgpu/models`
   * that became a part, keeps the values that it has, as in PyTorch.
   * @param init a seed for `initialValues`, by default 0; or a function that gives a parameter's values, or a function that computes them when
   *   they are needed, each time the same (`initialValuesBy` makes one)
   * @returns the module itself
   * @throws ModuleError if all of it is finished already, a parameter was given values before, or by the function although it has some; if two
   *   members have one path, or a module contains itself; TypeError for what is neither a seed nor a function
   */
  finish(init: number | Init = 0): this {
    const isSeed = typeof init === "number";
    const initial = isSeed ? initialValues(init) : init;
    if (typeof initial !== "function") throw new TypeError(`finish: expected a seed or a function, got ${aKind(init)}`);
    const members = [...membersBelow(this, this.#path ?? "", [])];
    const isNew = (member: Module | Parameter) =>
      member instanceof Module ? member.#path === undefined : !finished.has(member);
    if (this.#path !== undefined && !members.some(([, member]) => isNew(member)))
      throw new ModuleError(finishedTwice(this.constructor.name, this.#path));
    const seen = new Set<Module | Parameter>();
    const byPath = new Map<string, Module | Parameter>();
    const given = new Map<Parameter, ReturnType<Init>>();
    for (const [path, member] of members) {
      const other = byPath.get(path);
      if (other && other !== member) throw new ModuleError(`finish: two members have the path ${path}; rename one`);
      byPath.set(path, member);
      if (!(member instanceof Parameter) || given.has(member)) continue;
      const already = member.written ? "given values" : member.residences.size > 0 ? "used on a device" : undefined;
      if (isNew(member) && already) {
        throw new ModuleError(`finish: ${path} was already ${already}; finish the root module first`);
      }
      const values = isSeed && !isNew(member) ? undefined : initial(path, member);
      if (!isNew(member) && values !== undefined) {
        throw new ModuleError(
          `finish: ${path} has values already, from an earlier finish; finish(seed) keeps them, and loadStateDict gives others`,
        );
      }
      given.set(member, typeof values === "object" ? requireInitial(path, member, values).slice() : values);
    }
    this.#path ??= "";
    for (const [path, member] of members) {
      if (seen.has(member)) continue;
      seen.add(member);
      if (member instanceof Module) member.#path = path;
      else {
        member.name = path;
        finished.add(member);
        const values = given.get(member);
        if (typeof values === "function") member.initial = () => requireInitial(path, member, values());
        else if (values !== undefined) member.initial = values;
      }
    }
    return this;
  }

  /** Frees what the module has on `gpu`; a later use starts from the initial values again. */
  release(gpu: Gpu): void {
    releaseVariables(
      gpu,
      [...this.named()].map(([, p]) => p),
    );
  }

  /**
   * Current values of all parameters and buffers on `gpu`.
   * @throws ModuleError if there are none, or one has no values because it is not registered with a finished module
   * @throws GpuError if they were changed on another device only
   */
  async stateDict(gpu: Gpu): Promise<SavedState> {
    requireGpu("stateDict", gpu);
    const named = this.#requireNamed(ModuleError);
    for (const [name, { unfit }] of named) if (unfit) throw new ModuleError(`${name}: ${unfit}`);
    const state: SavedState = new Map();
    for (const [name, parameter] of named) {
      state.set(name, savedTensor(await readVariable(gpu, parameter), parameter));
    }
    return state;
  }

  #requireNamed(Kind: typeof ModuleError | typeof StateDictError): [string, Parameter][] {
    const named = [...this.named()];
    if (named.length === 0) throw new Kind(`${this.constructor.name} has no parameters: ${ADVICE}`);
    return named;
  }

  /**
   * Sets all parameters and buffers.
   * @throws StateDictError if one is missing, unknown, of another shape, not f32, a negative variance, or given twice with
   *   different values; nothing is changed then
   */
  loadStateDict(gpu: Gpu, state: GivenState): void {
    requireGpu("loadStateDict", gpu);
    const values = this.#valuesOf(state);
    writeVariables(gpu, new Set(values.keys()), (parameter) => {
      return fromTorch(values.get(parameter)!, parameter.shape, parameter.layout);
    });
  }

  /** Checks a state dict as `loadStateDict` does, and sets nothing. @throws StateDictError */
  requireStateDict(state: GivenState): void {
    this.#valuesOf(state);
  }

  #valuesOf(state: GivenState): Map<Parameter, Float32Array> {
    requireMap(state);
    const own = new Map(this.#requireNamed(StateDictError));
    const values = new Map<Parameter, { name: string; data: Float32Array }>();
    for (const name of state.keys()) if (!own.has(name)) throw new StateDictError(`${name} is not part of the model`);
    for (const [name, parameter] of own) {
      const shape = torchShape(parameter.shape, parameter.layout);
      const data = valuesIn(state, name, shape, "the model has");
      const { notNegative } = parameter;
      const bad = notNegative === undefined ? undefined : data.find((value) => !(value >= 0));
      if (bad !== undefined) {
        const what = Number.isNaN(bad) ? `${notNegative} that is NaN` : `negative ${notNegative}, ${bad}`;
        throw new StateDictError(`${name} contains a ${what}`);
      }
      const before = values.get(parameter);
      if (before?.data.some((value, i) => !Object.is(value, data[i]))) {
        throw new StateDictError(`${before.name} and ${name} are one parameter, and are given different values`);
      }
      values.set(parameter, { name, data });
    }
    return new Map([...values].map(([parameter, { data }]) => [parameter, data]));
  }
}

/** @throws TypeError for what is no network */
export function requireModule(op: string, net: unknown): asserts net is Module {
  if (!(net instanceof Module)) throw new TypeError(`${op}: expected a module as the network, got ${aKind(net)}`);
}

/** Parameters and modules below `holder`, modules before their members. `around`: the modules on the path, to detect cycles. */
function* membersBelow(
  holder: object,
  prefix: string,
  around: readonly object[],
): Generator<[string, Module | Parameter]> {
  if (around.includes(holder)) throw new ModuleError(`${prefix}: this ${holder.constructor.name} contains itself`);
  const inside = [...around, holder];
  for (const [key, value] of entriesOf(holder)) {
    const path = prefix ? `${prefix}.${key}` : key;
    if (value instanceof Parameter) yield [path, value];
    else if (value instanceof Module) {
      yield [path, value];
      yield* membersBelow(value, path, inside);
    } else if (isContainer(value)) yield* membersBelow(value, path, inside);
  }
}

function entriesOf(holder: object): Iterable<readonly [string, unknown]> {
  if (holder instanceof Holder) return holder.members();
  if (holder instanceof Map) return [...holder].map(([key, value]) => [String(key), value] as const);
  if (holder instanceof Set) return [...holder].map((value, i) => [String(i), value] as const);
  return Object.entries(holder);
}

/** Whether a value may contain modules without being one. */
function isContainer(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  if (Array.isArray(value) || value instanceof Map || value instanceof Set || value instanceof Holder) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function requireInitial(name: string, { shape, size }: Parameter, values: Float32Array): Float32Array {
  requireFloats(`the initial value of ${name}`, values);
  if (values.length === size) return values;
  throw new ModuleError(
    `finish: ${name} ${showShape(shape)} has ${size} elements, but got ${values.length} initial values`,
  );
}
