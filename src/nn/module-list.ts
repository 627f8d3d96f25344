/** Lists of modules. */
import { aKind } from "../kernels/kernel.ts";
import { Holder, type Module } from "./module.ts";

/** Modules by key, or by position from 0: PyTorch's ModuleList and ModuleDict. `Sequential` also applies them. */
export class ModuleList<M extends Module> extends Holder implements Iterable<M> {
  readonly entries: readonly (readonly [string, M])[];
  readonly #byKey: Map<string, M>;
  /** The module at a position. */
  readonly [position: number]: M;

  constructor(modules: readonly M[] | ReadonlyMap<string, M>) {
    super();
    if (!Array.isArray(modules) && !(modules instanceof Map)) {
      throw new TypeError(`ModuleList: expected an array or a Map of modules, got ${aKind(modules)}`);
    }
    this.entries = Array.isArray(modules)
      ? (modules as readonly M[]).map((m, i) => [String(i), m] as const)
      : [...(modules as ReadonlyMap<string, M>)];
    this.#byKey = new Map(this.entries);
    Object.assign(this, this.all);
  }

  /** Its modules by key. */
  override members(): Iterable<readonly [string, M]> {
    return this.entries;
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
