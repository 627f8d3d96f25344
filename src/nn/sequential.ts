/** Layers one after the other. */
import { Tensor } from "../graph/tensor.ts";
import { aKind, isList, kindOf } from "../kernels/kernel.ts";
import { Module, ModuleError } from "./module.ts";

/** What `Sequential` applies: a module of one tensor, or a function that records ops. */
export type Layer = (Module & { forward(x: Tensor): Tensor }) | ((x: Tensor) => Tensor);

/**
 * Layers that are applied one after the other, as PyTorch's Sequential. Their names in state dicts are "0", "1", …, or those of an object or a Map
 * (PyTorch's OrderedDict). A function counts as a layer without parameters.
 *
 *     new Sequential(new Conv2d(3, 8, 3), new ReLU(), (x) => maxPool2d(x, { kernel: 2 }))
 *     new Sequential({ conv: new Conv2d(3, 8, 3), act: new ReLU() })
 */
export class Sequential extends Module implements Iterable<Layer> {
  readonly #layers: readonly (readonly [string, Layer])[];

  /** @throws ModuleError for what is no layer, and for names that cannot be */
  constructor(
    ...layers:
      readonly Layer[] | readonly [readonly Layer[] | Readonly<Record<string, Layer>> | ReadonlyMap<string, Layer>]
  ) {
    super();
    this.#layers = namedLayers(layers);
    for (const [name, layer] of this.#layers) {
      if (isModuleClass(layer)) {
        throw new ModuleError(`Sequential: ${name} is the class ${layer.name}, not a layer: new ${layer.name}()`);
      }
      const applies = layer instanceof Module ? typeof layer.forward === "function" : typeof layer === "function";
      if (!applies)
        throw new ModuleError(`Sequential: ${name} is ${aKind(layer)}, not a module with forward(x) or a function`);
      if (name === "" || name.includes(".")) throw new ModuleError(`Sequential: a layer cannot be named "${name}"`);
    }
  }

  override members(): Iterable<readonly [string, unknown]> {
    return [...this.#layers, ...super.members()];
  }

  /** @throws TypeError if a layer returns something else than a tensor */
  forward(x: Tensor): Tensor {
    let y: unknown = x;
    for (const [name, layer] of this.#layers) {
      const given = y as Tensor;
      y = layer instanceof Module ? layer.forward(given) : this.scoped(given, () => layer(given));
      if (!(y instanceof Tensor)) throw new TypeError(`Sequential: layer ${name} returned ${aKind(y)}, not a tensor`);
    }
    return y as Tensor;
  }

  /** The number of layers. */
  get length(): number {
    return this.#layers.length;
  }

  /** The layer at a position, from the end where it is negative. */
  at(position: number): Layer | undefined {
    return this.#layers.at(position)?.[1];
  }

  /** The layer of a name. */
  get(name: string): Layer | undefined {
    return this.#layers.find(([own]) => own === name)?.[1];
  }

  /** One layer after another. */
  [Symbol.iterator](): Iterator<Layer> {
    return this.#layers.map(([, layer]) => layer)[Symbol.iterator]();
  }
}

/** A class is a function, too, and cannot be called as one. */
const isModuleClass = (layer: unknown): layer is typeof Module =>
  typeof layer === "function" && layer.prototype instanceof Module;

function namedLayers(given: readonly unknown[]): readonly (readonly [string, Layer])[] {
  const [only] = given;
  const byPosition = (layers: readonly unknown[]) => layers.map((layer, i) => [String(i), layer as Layer] as const);
  if (given.length !== 1 || only instanceof Module) return byPosition(given);
  if (isList(only)) return byPosition(only as readonly unknown[]);
  if (only instanceof Map)
    return [...(only as Map<string, Layer>)].map(([name, layer]) => [String(name as unknown), layer] as const);
  if (kindOf(only) !== "Object") return byPosition(given);
  const entries = Object.entries(only as Record<string, Layer>);
  const number = entries.find(([name]) => /^\d+$/.test(name));
  if (!number) return entries;
  throw new ModuleError(
    `Sequential: an object puts names that are numbers, such as ${number[0]}, first; use an array or a Map`,
  );
}
