/** Parts of the library that few plans need: `compile` loads them for those, and bundlers leave them out of what every page loads. */

/** A module that is loaded when it is first needed; from then on it is there. */
export class Later<Module extends object> {
  readonly #import: () => Promise<Module>;
  #module: Module | undefined;

  constructor(load: () => Promise<Module>) {
    this.#import = load;
  }

  /** Undefined where it is there already. */
  load(): Promise<void> | undefined {
    return this.#module ? undefined : this.#import().then((module) => this.give(module));
  }

  /** For those who cannot wait, and have imported it themselves. */
  give(module: Module): void {
    this.#module = module;
  }

  /** @throws Error before it was loaded */
  get module(): Module {
    if (this.#module) return this.#module;
    throw new Error("a kernel is lowered whose variants were not loaded: await kernel.load(context) first");
  }
}

/** All that is still to be loaded; undefined where nothing is. */
export function loading(modules: readonly Later<object>[]): Promise<unknown> | undefined {
  const wanted = modules.flatMap((module) => module.load() ?? []);
  return wanted.length > 0 ? Promise.all(wanted) : undefined;
}
