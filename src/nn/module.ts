/** Modules: named trees of parameters, as in PyTorch. */
import type { Gpu } from "../gpu/gpu.ts";
import { aKind, isList, kindOf, requireFloats, sameShape, showShape } from "../kernels/kernel.ts";
import { graphOf } from "../graph/graph.ts";
import { requireGpu } from "../graph/require-gpu.ts";
import { readVariable, releaseVariables, writeVariables } from "../graph/storage.ts";
import type { Tensor } from "../graph/tensor.ts";
import { initialValues } from "./init.ts";
import { fromTorch, toTorch, torchShape } from "./layout.ts";
import { ADVICE, Parameter, type ParameterOptions } from "./parameter.ts";

export { Parameter, type ParameterOptions };

/** A state dict in PyTorch's names and layouts. */
export type StateDict = Map<string, { shape: readonly number[]; data: Float32Array }>;

/** The same, as a safetensors file holds it: `serializeSafetensors(state)` writes it as is. */
export type SavedState = Map<string, { dtype: "F32"; shape: number[]; data: Float32Array }>;

/** A state dict that has not been checked: a file's, such as `parseSafetensors(bytes, name).tensors`, may hold other types. */
export type GivenState = ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: ArrayBufferView }>;

/** A state dict does not fit the model. */
export class StateDictError extends Error {
  override name = "StateDictError";
}

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

/**
 * A part of a network: parameters, buffers and further modules in public properties, as in PyTorch. A network's root is finished
 * once (`finish`), which gives all of them names and initial values.
 */
export abstract class Module {
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
  members(): Iterable<readonly [string, unknown]> {
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
      const data = toTorch(await readVariable(gpu, parameter), parameter.shape, parameter.layout);
      state.set(name, { dtype: "F32", shape: torchShape(parameter.shape, parameter.layout), data });
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
    if (kindOf(state) !== "Map") {
      throw new StateDictError(`a state dict is a Map from names to { shape, data }, got ${aKind(state)}`);
    }
    const own = new Map(this.#requireNamed(StateDictError));
    const values = new Map<Parameter, { name: string; data: Float32Array }>();
    for (const name of state.keys()) if (!own.has(name)) throw new StateDictError(`${name} is not part of the model`);
    for (const [name, parameter] of own) {
      const given = state.get(name);
      if (!given) throw new StateDictError(`${name} is missing`);
      const shape = torchShape(parameter.shape, parameter.layout);
      if (!isList(given.shape)) throw new StateDictError(`${name} is ${aKind(given)} without a shape`);
      if (!sameShape(given.shape, shape)) {
        throw new StateDictError(`${name} is ${showShape(given.shape)}, the model has ${showShape(shape)}`);
      }
      const { data } = given;
      if (!isFloats(data) || data.length !== parameter.size) {
        const { length } = data as { length?: number };
        throw new StateDictError(
          `${name} ${showShape(shape)} needs a Float32Array of ${parameter.size} values, got ${aKind(data)} of ${length ?? "none"}`,
        );
      }
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
  if (holder instanceof Module) return holder.members();
  if (holder instanceof ModuleList) return holder.entries;
  if (holder instanceof Map) return [...holder].map(([key, value]) => [String(key), value] as const);
  if (holder instanceof Set) return [...holder].map((value, i) => [String(i), value] as const);
  return Object.entries(holder);
}

/** Whether a value may contain modules without being one. */
function isContainer(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  if (Array.isArray(value) || value instanceof Map || value instanceof Set || value instanceof ModuleList) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

const isFloats = (data: unknown): data is Float32Array => kindOf(data) === "Float32Array" && ArrayBuffer.isView(data);

function requireInitial(name: string, { shape, size }: Parameter, values: Float32Array): Float32Array {
  requireFloats(`the initial value of ${name}`, values);
  if (values.length === size) return values;
  throw new ModuleError(
    `finish: ${name} ${showShape(shape)} has ${size} elements, but got ${values.length} initial values`,
  );
}

/** Modules by key, or by position from 0: PyTorch's ModuleList and ModuleDict. `Sequential` also applies them. */
export class ModuleList<M extends Module> implements Iterable<M> {
  readonly entries: readonly (readonly [string, M])[];
  readonly #byKey: Map<string, M>;
  /** The module at a position. */
  readonly [position: number]: M;

  constructor(modules: readonly M[] | ReadonlyMap<string, M>) {
    this.entries = Array.isArray(modules)
      ? (modules as readonly M[]).map((m, i) => [String(i), m] as const)
      : [...(modules as ReadonlyMap<string, M>)];
    this.#byKey = new Map(this.entries);
    Object.assign(this, this.all);
  }

  /** The module of a key, or undefined. */
  get(key: string): M | undefined {
    return this.#byKey.get(key);
  }

  /** All of them, in order. */
  get all(): M[] {
    return this.entries.map(([, m]) => m);
  }

  /** Their number. */
  get length(): number {
    return this.entries.length;
  }

  /** The module at a position, from the end where it is negative. */
  at(position: number): M | undefined {
    return this.entries.at(position)?.[1];
  }

  /** One module after another. */
  [Symbol.iterator](): Iterator<M> {
    return this.all[Symbol.iterator]();
  }
}
