/** Modules: named trees of parameters, as in PyTorch. */
import type { Gpu } from "../gpu/gpu.ts";
import { aKind, kindOf, requireNumber, requireSizes, sameShape, showShape, sizeOf } from "../kernels/kernel.ts";
import { readVariable, releaseVariables, requireFloats, writeVariable } from "../graph/storage.ts";
import { Variable } from "../graph/tensor.ts";
import { fromTorch, toTorch, torchShape, type Layout } from "./layout.ts";

/** A parameter (trainable) or a buffer such as a running mean (not trainable) of a module. */
export class Parameter extends Variable {
  readonly layout: Layout;
  readonly trainable: boolean;
  /** `initialValues` draws uniformly within this of 0; undefined where the layout or `fill` says how the parameter begins. */
  readonly uniform: number | undefined;
  /** What it holds where that cannot be negative, such as "variance". */
  readonly notNegative: string | undefined;

  /** @throws ShapeError if `shape` is none */
  constructor(
    shape: readonly number[],
    layout: Layout,
    {
      trainable = true,
      fill = 0,
      uniform,
      notNegative,
    }: { trainable?: boolean; fill?: number; uniform?: number; notNegative?: string } = {},
  ) {
    requireNumber("Parameter", "fill", fill);
    requireSizes("Parameter", shape);
    super("", shape, fill === 0 ? undefined : new Float32Array(sizeOf(shape)).fill(fill));
    this.layout = layout;
    this.trainable = trainable;
    this.uniform = uniform;
    this.notNegative = notNegative;
  }

  override get unfit(): string | undefined {
    if (this.name !== "" || this.written) return undefined;
    return `a parameter ${showShape(this.shape)} that no finished module knows, so it has no values: ${ADVICE}`;
  }
}

/** What a module that was not found by `finish` needs. */
const ADVICE =
  "call finish(initialValues(seed)) on the root module once all are made, and keep modules and parameters in public properties of " +
  "modules (also in arrays, plain objects and maps there), since private #fields cannot be seen";

/** A state dict in PyTorch's names and layouts. */
export type StateDict = Map<string, { shape: readonly number[]; data: Float32Array }>;

/** A state dict does not fit the model. */
export class StateDictError extends Error {
  override name = "StateDictError";
}

/** A module was used in a way that cannot be meant. */
export class ModuleError extends Error {
  override name = "ModuleError";
}

export abstract class Module {
  #path: string | undefined;

  /**
   * The module's path from the root, "" for the root; set by `finish`.
   * @throws ModuleError before
   */
  get path(): string {
    if (this.#path === undefined)
      throw new ModuleError(`${this.constructor.name} has no place in a finished module: ${ADVICE}`);
    return this.#path;
  }

  /**
   * Every parameter and buffer below this module with its path from here, in order of definition: of public properties, and of arrays by
   * index, of plain objects and maps by key. What is reached by two paths is named twice.
   */
  *named(prefix = ""): Generator<[string, Parameter]> {
    for (const [path, member] of membersBelow(this, prefix, [])) if (member instanceof Parameter) yield [path, member];
  }

  /** What training changes, each once. */
  parameters(): Parameter[] {
    return [...new Set([...this.named()].map(([, p]) => p))].filter((p) => p.trainable);
  }

  /**
   * Gives modules and parameters their paths, and each parameter initial values by `init`; call it on the root, once all modules are made.
   * Of what is reached by two paths, the first counts.
   * @throws ModuleError if some were given values already and would not take initial ones any more, or a module holds itself
   */
  finish(init: (name: string, parameter: Parameter) => Float32Array | undefined): void {
    const members = [...membersBelow(this, "", [])];
    const seen = new Set<Module | Parameter>();
    for (const [path, member] of members) {
      if (!(member instanceof Parameter) || !member.written) continue;
      throw new ModuleError(`finish: ${path} was given values already; finish the root module first`);
    }
    this.#path = "";
    for (const [path, member] of members) {
      if (seen.has(member)) continue;
      seen.add(member);
      if (member instanceof Module) member.#path = path;
      else {
        member.name = path;
        const values = init(path, member);
        if (values) member.initial = requireInitial(path, member, values);
      }
    }
  }

  /** Frees what the module has on `gpu`; a later use starts from the initial values again. */
  release(gpu: Gpu): void {
    releaseVariables(
      gpu,
      [...this.named()].map(([, p]) => p),
    );
  }

  /** Present values of all parameters and buffers. */
  async stateDict(gpu: Gpu): Promise<StateDict> {
    const state: StateDict = new Map();
    for (const [name, parameter] of this.named()) {
      const data = toTorch(await readVariable(gpu, parameter), parameter.shape, parameter.layout);
      state.set(name, { shape: torchShape(parameter.shape, parameter.layout), data });
    }
    return state;
  }

  /**
   * Sets all parameters and buffers.
   * @throws StateDictError if one is missing, unknown, of another shape, or a variance and negative; nothing is changed then
   */
  loadStateDict(gpu: Gpu, state: StateDict): void {
    const own = new Map(this.named());
    if (own.size === 0) throw new StateDictError(`${this.constructor.name} has no parameters: ${ADVICE}`);
    for (const name of state.keys()) if (!own.has(name)) throw new StateDictError(`${name} is not part of the model`);
    for (const [name, parameter] of own) {
      const given = state.get(name);
      if (!given) throw new StateDictError(`${name} is missing`);
      const shape = torchShape(parameter.shape, parameter.layout);
      if (!sameShape(given.shape, shape)) {
        throw new StateDictError(`${name} is ${showShape(given.shape)}, the model has ${showShape(shape)}`);
      }
      if (kindOf(given.data) !== "Float32Array" || given.data.length !== parameter.size) {
        const data = `${aKind(given.data)} of ${given.data.length}`;
        throw new StateDictError(
          `${name} ${showShape(shape)} needs a Float32Array of ${parameter.size} values, got ${data}`,
        );
      }
      const { notNegative } = parameter;
      const bad = notNegative === undefined ? undefined : given.data.find((value) => !(value >= 0));
      if (bad !== undefined) {
        const what = Number.isNaN(bad) ? `${notNegative} that is no number` : `negative ${notNegative}, ${bad}`;
        throw new StateDictError(`${name} holds a ${what}`);
      }
    }
    for (const [name, parameter] of own) {
      writeVariable(gpu, parameter, fromTorch(state.get(name)!.data, parameter.shape, parameter.layout));
    }
  }
}

/** Parameters and modules below `holder`, modules before what they hold. `around`: the modules on the way, which must not come again. */
function* membersBelow(
  holder: object,
  prefix: string,
  around: readonly object[],
): Generator<[string, Module | Parameter]> {
  if (around.includes(holder)) throw new ModuleError(`${prefix}: a ${holder.constructor.name} that holds itself`);
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
  if (holder instanceof ModuleList) return holder.entries;
  if (holder instanceof Map) return [...holder].map(([key, value]) => [String(key), value] as const);
  if (holder instanceof Set) return [...holder].map((value, i) => [String(i), value] as const);
  return Object.entries(holder);
}

/** What may hold modules without being one. */
function isContainer(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  if (Array.isArray(value) || value instanceof Map || value instanceof Set || value instanceof ModuleList) return true;
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

/** Modules by key: PyTorch's ModuleList, Sequential and ModuleDict. */
export class ModuleList<M extends Module> {
  readonly entries: readonly (readonly [string, M])[];
  readonly #byKey: Map<string, M>;

  constructor(modules: readonly M[] | ReadonlyMap<string, M>) {
    this.entries = Array.isArray(modules)
      ? (modules as readonly M[]).map((m, i) => [String(i), m] as const)
      : [...(modules as ReadonlyMap<string, M>)];
    this.#byKey = new Map(this.entries);
  }

  get(key: string): M | undefined {
    return this.#byKey.get(key);
  }

  get all(): M[] {
    return this.entries.map(([, m]) => m);
  }
}
