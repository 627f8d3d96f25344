/** Variables that share a buffer. */
import { alignUp } from "../gpu/gpu.ts";
import { showShape } from "../kernels/kernel.ts";
import { PACK_ALIGNMENT_BYTES } from "./graph.ts";
import { Variable } from "./tensor.ts";

/** Variables one after another in one buffer, so that one dispatch can update all of them. */
export class Slab {
  readonly variables: readonly Variable[];
  /** Element at which each variable begins. */
  readonly offsets: readonly number[];
  /** Elements in all, gaps included. */
  readonly floats: number;
  /** The whole slab as one variable. */
  readonly flat: Variable;
  readonly #ranges = new Map<string, Variable>();

  /**
   * Variables may have been used before: what they hold on a device moves with them.
   * @throws RangeError if a variable has a place in another slab, or is given twice; then none gets a place
   */
  constructor(variables: readonly Variable[]) {
    requirePlaceless(variables);
    const offsets: number[] = [];
    let bytes = 0;
    for (const variable of variables) {
      offsets.push(bytes / 4);
      variable.place = { slab: this, offset: bytes };
      bytes += alignUp(variable.bytes, PACK_ALIGNMENT_BYTES);
    }
    this.variables = variables;
    this.offsets = offsets;
    this.floats = bytes / 4;
    this.flat = new Variable("slab", [this.floats]);
    this.flat.place = { slab: this, offset: 0 };
  }

  /** `count` neighbours, from variable `first` on, as one variable with the gaps between them; the same one each time. */
  range(first: number, count: number): Variable {
    if (first === 0 && count === this.variables.length) return this.flat;
    const key = `${first} ${count}`;
    let range = this.#ranges.get(key);
    if (!range) {
      const begin = this.offsets[first]!;
      range = new Variable("slab", [(this.offsets[first + count] ?? this.floats) - begin]);
      range.place = { slab: this, offset: 4 * begin };
      this.#ranges.set(key, range);
    }
    return range;
  }

  /** The variables that hold several others: the whole slab, and the ranges made so far. */
  get wholes(): readonly Variable[] {
    return [this.flat, ...this.#ranges.values()];
  }

  /** The variables that one of them holds. */
  within(whole: Variable): readonly Variable[] {
    return this.variables.filter((variable) => contains(whole, variable));
  }
}

/** Whether a variable of a slab lies within another one of that slab. */
export function contains(outer: Variable, inner: Variable): boolean {
  const [from, at] = [outer.place!.offset, inner.place!.offset];
  return outer !== inner && from <= at && at + inner.bytes <= from + outer.bytes;
}

/** @throws RangeError for variables that cannot be laid out in new slabs */
export function requirePlaceless(variables: readonly Variable[]): void {
  if (variables.length === 0) throw new RangeError("a slab needs at least one variable");
  for (const [i, variable] of variables.entries()) {
    const name = variable.name || showShape(variable.shape);
    if (variables.indexOf(variable) < i) throw new RangeError(`variable ${name} is given twice`);
    if (!variable.place) continue;
    throw new RangeError(
      `variable ${name} already belongs to a slab: give a second optimiser the slabs of the first, as in new Adam(first.slabs, options)`,
    );
  }
}
