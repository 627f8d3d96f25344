/** The numbers of a loss, and their means over samples. Without imports, as `evaluation.ts` is loaded by itself. */
import type { NamedTensors } from "../graph/options.ts";
import type { ValuesOf } from "../graph/plan.ts";

/** Names of what is reported beside the terms of a loss. */
const RESERVED: ReadonlySet<string> = new Set(["guard", "samples", "epoch", "seconds"]);

/** Before the name of a network's output, among the outputs of a plan. */
export const OUTPUT = "output ";

/** Whether something else has this name. */
export const isReserved = (name: string): boolean => RESERVED.has(name) || name.startsWith(OUTPUT);

/** The numbers of a run. */
export const numbersOf = (values: ValuesOf<NamedTensors>): Record<string, number> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value[0]!]));

/** Means over samples, of the means of batches: what only some batches have over the samples of those. */
export class Mean {
  samples = 0;
  readonly #sums = new Map<string, { sum: number; samples: number }>();

  add(numbers: Readonly<Record<string, number>>, count: number): void {
    this.samples += count;
    for (const [name, value] of Object.entries(numbers)) {
      const { sum, samples } = this.#sums.get(name) ?? { sum: 0, samples: 0 };
      this.#sums.set(name, { sum: sum + count * value, samples: samples + count });
    }
  }

  /** @throws RangeError if there are no samples */
  means(op: string): Record<string, number> & { readonly samples: number } {
    const { samples } = this;
    if (samples === 0) throw new RangeError(`${op}: there are no batches`);
    return { ...Object.fromEntries([...this.#sums].map(([name, own]) => [name, own.sum / own.samples])), samples };
  }
}
