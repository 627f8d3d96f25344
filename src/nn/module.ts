/** Modules: named trees of parameters, as in PyTorch. */
import type { Gpu } from "../gpu/gpu.ts";
import { showShape, sameShape } from "../kernels/kernel.ts";
import { readVariable, releaseVariables, writeVariable } from "../graph/storage.ts";
import { Variable } from "../graph/tensor.ts";
import { fromTorch, toTorch, torchShape, type Layout } from "./layout.ts";

/** A parameter (trainable) or a buffer such as a running mean (not trainable) of a module. */
export class Parameter extends Variable {
  readonly layout: Layout;
  readonly trainable: boolean;

  constructor(shape: readonly number[], layout: Layout, { trainable = true, fill = 0 } = {}) {
    super("", shape, fill === 0 ? undefined : new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(fill));
    this.layout = layout;
    this.trainable = trainable;
  }
}

/** A state dict in PyTorch's names and layouts. */
export type StateDict = Map<string, { shape: readonly number[]; data: Float32Array }>;

/** A state dict does not fit the model. */
export class StateDictError extends Error {
  override name = "StateDictError";
}

export abstract class Module {
  /** The module's path from the root, "" for the root; set by `finish`. */
  path = "";

  /** Direct children and parameters, by property name; arrays by index, records by key. */
  *#members(): Generator<[string, Module | Parameter]> {
    for (const [name, value] of Object.entries(this)) {
      if (value instanceof Module || value instanceof Parameter) yield [name, value];
      else if (value instanceof ModuleList) {
        for (const [key, module] of value.entries) yield [`${name}.${key}`, module];
      }
    }
  }

  /** Every parameter and buffer below this module with its path from here, in order of definition. */
  *named(prefix = ""): Generator<[string, Parameter]> {
    for (const [name, member] of this.#members()) {
      const path = prefix ? `${prefix}.${name}` : name;
      if (member instanceof Parameter) yield [path, member];
      else yield* member.named(path);
    }
  }

  /** What training changes. */
  parameters(): Parameter[] {
    return [...this.named()].map(([, p]) => p).filter((p) => p.trainable);
  }

  /** Gives modules and parameters their paths, and each parameter initial values by `init`; call once, on the root. */
  finish(init: (name: string, parameter: Parameter) => Float32Array | undefined): void {
    this.#setPaths("");
    for (const [name, parameter] of this.named()) {
      parameter.name = name;
      const values = init(name, parameter);
      if (values) parameter.initial = values;
    }
  }

  #setPaths(path: string): void {
    this.path = path;
    for (const [name, member] of this.#members()) {
      if (member instanceof Module) member.#setPaths(path ? `${path}.${name}` : name);
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
   * @throws StateDictError if one is missing, unknown or of another shape; nothing is changed then
   */
  loadStateDict(gpu: Gpu, state: StateDict): void {
    const own = new Map(this.named());
    for (const name of state.keys()) if (!own.has(name)) throw new StateDictError(`${name} is not part of the model`);
    for (const [name, parameter] of own) {
      const given = state.get(name);
      if (!given) throw new StateDictError(`${name} is missing`);
      const shape = torchShape(parameter.shape, parameter.layout);
      if (!sameShape(given.shape, shape)) {
        throw new StateDictError(`${name} is ${showShape(given.shape)}, the model has ${showShape(shape)}`);
      }
    }
    for (const [name, parameter] of own) {
      writeVariable(gpu, parameter, fromTorch(state.get(name)!.data, parameter.shape, parameter.layout));
    }
  }
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
