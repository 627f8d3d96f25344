/** Chooses among formulations of one computation by running them. */
import { relativeError } from "../../equality.ts";
import { tf } from "./library.ts";

/** Timed runs of each formulation. */
const REPEATS = 6;
const FEW_REPEATS = 2;

/** What takes this many times as long as the fastest after two runs is not run again. */
const HOPELESS = 1.5;

/** The relative L2 error that two formulations may differ by. */
const BAR = 1e-4;

export class Tuner {
  readonly #choices = new Map<string, string>();
  readonly #repeats: number;

  /** @param thorough whether to measure so often that noise does not decide */
  constructor(thorough = true) {
    this.#repeats = thorough ? REPEATS : FEW_REPEATS;
  }

  /** What was measured to be the fastest, else the first. */
  choice<F>(key: string, formulations: Readonly<Record<string, F>>): F {
    return formulations[this.#choices.get(key) ?? Object.keys(formulations)[0]!]!;
  }

  /**
   * Measures the formulations of `key`. Of each the shortest of a few runs counts, since what else the machine does only
   * adds to it.
   * @throws Error if they do not compute the same
   */
  async tune<F>(
    key: string,
    formulations: Readonly<Record<string, F>>,
    run: (formulation: F) => tf.Tensor,
    idle: () => Promise<void>,
  ): Promise<void> {
    let candidates = Object.entries(formulations).map(([name, formulation]) => ({ name, formulation, ms: Infinity }));
    if (candidates.length < 2) return;
    // The first run also compiles, and is not timed.
    await requireSame(
      key,
      candidates.map(({ formulation }) => tf.tidy(() => run(formulation))),
    );
    // Round by round rather than one after the other, so that a busy moment hits all alike.
    for (let repeat = 0; repeat < this.#repeats; repeat++) {
      for (const candidate of candidates) {
        const begun = performance.now();
        const out = tf.tidy(() => run(candidate.formulation));
        await idle();
        candidate.ms = Math.min(candidate.ms, performance.now() - begun);
        out.dispose();
      }
      candidates.sort((a, b) => a.ms - b.ms);
      if (repeat > 0) candidates = candidates.filter(({ ms }) => ms < HOPELESS * candidates[0]!.ms);
    }
    this.#choices.set(key, candidates[0]!.name);
  }
}

/** Compares tensors with the first, and disposes them. */
async function requireSame(key: string, tensors: readonly tf.Tensor[]): Promise<void> {
  const [expected, ...others] = await Promise.all(tensors.map((t) => t.data()));
  for (const values of others) {
    const error = relativeError([[values, expected!]]);
    if (error > BAR) throw new Error(`tfjs: formulations of ${key} differ by ${error.toExponential(1)}`);
  }
  tf.dispose([...tensors]);
}
