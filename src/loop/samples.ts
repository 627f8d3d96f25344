/** Batches of any number of samples, and the plans that they need: one for each number. */
import type { Plan } from "../graph/plan.ts";
import type { NamedTensors } from "../graph/options.ts";
import type { Graph } from "../graph/graph.ts";
import type { Tensor } from "../graph/tensor.ts";
import {
  aKind,
  kindOf,
  requireShape,
  requireSizes,
  showShape,
  sizeOf,
  type DType,
  type HostArray,
} from "../kernels/kernel.ts";

/** The shape of one sample of each input, such as `{ image: [28, 28, 1], label: [] }`. */
export type SampleShapes = Readonly<Record<string, readonly number[]>>;

/** Values of N samples by the name of the input, one sample after another: a Float32Array, or a Uint32Array such as labels. */
export type BatchOf<Shapes extends SampleShapes> = { readonly [Name in keyof Shapes]: HostArray };

/** The inputs of a graph for such a batch, [N, ...sample]. */
export type TensorsOf<Shapes extends SampleShapes> = { readonly [Name in keyof Shapes]: Tensor };

/** Batches one after another. */
export type Batches<Batch> = Iterable<Batch> | AsyncIterable<Batch>;

/** @throws TypeError for what is no sequence of batches, such as one of them by itself */
export function requireBatches(op: string, batches: unknown): void {
  const isSequence = typeof batches === "object" && batches !== null;
  if (isSequence && (Symbol.iterator in batches || Symbol.asyncIterator in batches)) return;
  const advice: Partial<Record<string, string>> = {
    Object: `for a single batch, ${op}([batch])`,
    Promise: "await it first",
    Function: "call it",
  };
  const kind = typeof batches === "function" ? "Function" : kindOf(batches);
  const what = kind === "Function" ? "a function" : aKind(batches);
  throw new TypeError(
    `${op}: expected batches one after another, as in an array, got ${what}${advice[kind] ? `; ${advice[kind]}` : ""}`,
  );
}

/** A generator serves once. */
export function batchesOf<B>(
  batches: Batches<B> | ((epoch: number) => Batches<B> | Promise<Batches<B>>),
  epochs: number,
) {
  if (typeof batches === "function") return batches;
  requireBatches("fit", batches);
  const iterator = batches as { [Symbol.iterator]?: () => unknown; [Symbol.asyncIterator]?: () => unknown };
  const isOnce = (iterator[Symbol.asyncIterator]?.() ?? iterator[Symbol.iterator]?.()) === batches;
  if (isOnce && epochs > 1) {
    throw new RangeError(
      `fit: an iterator gives its batches once, and there are ${epochs} epochs: pass a function, as in (epoch) => batches()`,
    );
  }
  return () => batches;
}

/** How many samples a batch has, and of which types its inputs are. */
export interface Form {
  readonly count: number;
  readonly types: Readonly<Record<string, DType>>;
}

/** @throws ShapeError unless it names the inputs and the shape of one sample of each */
export function requireShapes(op: string, shapes: SampleShapes): void {
  requireShape(
    kindOf(shapes) === "Object" && Object.keys(shapes).length > 0,
    () => `${op}: inputs must name the inputs with the shape of one sample, as in { image: [28, 28, 1], label: [] }`,
  );
  for (const [name, shape] of Object.entries(shapes)) if (shape.length > 0) requireSizes(`${op}: ${name}`, shape);
}

/**
 * @throws TypeError that names the first input that is missing, unknown, of another type, or of another number of samples; RangeError
 *   for NaN, of which a GPU's max(x, 0) may make a number that looks like any other
 */
export function formOf(op: string, shapes: SampleShapes, batch: Readonly<Record<string, HostArray>>): Form {
  if (kindOf(batch) !== "Object")
    throw new TypeError(`${op}: a batch is an object of values by input, got ${aKind(batch)}`);
  const unknown = Object.keys(batch).find((name) => !Object.hasOwn(shapes, name));
  if (unknown !== undefined) {
    throw new TypeError(`${op}: the batch has ${unknown}, and the inputs are ${Object.keys(shapes).join(", ")}`);
  }
  const types: Record<string, DType> = {};
  let first: { name: string; count: number } | undefined;
  for (const [name, shape] of Object.entries(shapes)) {
    const values: unknown = Object.hasOwn(batch, name) ? batch[name] : undefined;
    if (values === undefined) throw new TypeError(`${op}: the batch has no ${name}`);
    types[name] = typeOf(`${op}: ${name}`, values);
    const { length } = values as HostArray;
    const count = length / sizeOf(shape);
    if (!Number.isInteger(count) || count === 0) {
      const one = `${sizeOf(shape)} of one sample ${showShape(shape)}`;
      throw new TypeError(`${op}: ${name} holds ${length} values, not a multiple of the ${one}`);
    }
    if ((values as HostArray).includes(NaN)) {
      const sample = Math.floor((values as HostArray).findIndex(Number.isNaN) / sizeOf(shape));
      throw new RangeError(`${op}: ${name} is NaN in sample ${sample} of the batch`);
    }
    first ??= { name, count };
    if (count === first.count) continue;
    throw new TypeError(`${op}: ${name} holds ${count} samples, and ${first.name} ${first.count}`);
  }
  return { count: first!.count, types };
}

/** A generator may fill its arrays again before the step on them begins. */
export const copyOf = <Shapes extends SampleShapes>(batch: BatchOf<Shapes>): BatchOf<Shapes> =>
  Object.fromEntries(Object.entries(batch).map(([name, values]) => [name, values.slice()])) as BatchOf<Shapes>;

function typeOf(what: string, values: unknown): DType {
  const kind = ArrayBuffer.isView(values) ? kindOf(values) : "";
  if (kind === "Float32Array") return "f32";
  if (kind === "Uint32Array") return "u32";
  throw new TypeError(
    `${what} is ${aKind(values)}: pass a Float32Array, or a Uint32Array for classes (Uint32Array.from(values))`,
  );
}

/** The inputs of a graph for batches of this form. */
export function inputsOf<Shapes extends SampleShapes>(graph: Graph, shapes: Shapes, form: Form): TensorsOf<Shapes> {
  const entries = Object.entries(shapes).map(([name, shape]) => {
    return [name, graph.input(name, [form.count, ...shape], form.types[name])];
  });
  return Object.fromEntries(entries) as TensorsOf<Shapes>;
}

/** Plans kept at once; a data set needs two, of which the second is for its last batch. */
const MAX_PLANS = 4;

/** Plans by the form of the batches that they take, the last used kept. */
export class PlansByForm<Outputs extends NamedTensors> {
  readonly #make: (form: Form, variant: string) => Promise<Plan<Outputs>>;
  /** In order of their last use. */
  readonly #kept = new Map<string, { readonly plan: Promise<Plan<Outputs>>; users: number }>();

  constructor(make: (form: Form, variant: string) => Promise<Plan<Outputs>>) {
    this.#make = make;
  }

  /**
   * Lends a plan, compiled at the first use.
   * @param variant of what else the plan depends on
   */
  async with<R>(form: Form, use: (plan: Plan<Outputs>) => Promise<R>, variant = ""): Promise<R> {
    const key = JSON.stringify([form, variant]);
    const kept = this.#kept.get(key) ?? { plan: this.#make(form, variant), users: 0 };
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    kept.users++;
    try {
      kept.plan.catch(() => this.#kept.delete(key));
      this.#dropUnused();
      return await use(await kept.plan);
    } finally {
      kept.users--;
      this.#dropUnused();
    }
  }

  /** Frees the longest unused of more plans than are kept; one that is lent stays. */
  #dropUnused(): void {
    for (const [key, { plan, users }] of this.#kept) {
      if (this.#kept.size <= MAX_PLANS) break;
      if (users > 0) continue;
      this.#kept.delete(key);
      free(plan);
    }
  }

  /** Frees all of them. */
  destroy(): void {
    for (const { plan } of this.#kept.values()) free(plan);
    this.#kept.clear();
  }
}

const free = (plan: Promise<{ destroy(): void }>): void =>
  void plan.then(
    (made) => made.destroy(),
    () => {},
  );
