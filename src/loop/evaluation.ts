/** What is asked of a network's outputs when it is evaluated: metrics, which are means over samples. `Trainer.evaluate` loads it. */
import type { NamedTensors } from "../graph/options.ts";
import type { ValuesOf } from "../graph/plan.ts";
import { aKind, kindOf } from "../kernels/kinds.ts";
import type { LossAndTerms, OutputsOf } from "./loss.ts";
import { isReserved, Mean, numbersOf, OUTPUT } from "./means.ts";
import { predictedOf } from "./predicted.ts";
import type { BatchOf, SampleShapes } from "./samples.ts";

/**
 * A number that a batch's outputs come to, such as the share of right answers: the mean over its samples.
 * @param outputs what `loss` returned as such: a Float32Array, one sample after another, or one by name
 * @param batch as it was given
 */
export type Metric<Shapes extends SampleShapes, L extends LossAndTerms> = (
  outputs: OutputsOf<L>,
  batch: BatchOf<Shapes>,
) => number;

/** What is evaluated besides the losses. Both need the network's outputs, which `loss` returns as `{ loss, outputs }`. */
export interface EvaluateOptions<Shapes extends SampleShapes, L extends LossAndTerms, Name extends string> {
  /** Numbers that are means over samples, such as accuracy. */
  metrics?: Readonly<Record<Name, Metric<Shapes, L>>>;
  /** Takes each batch's outputs, for what is no mean over samples, such as an AUC; evaluation waits. */
  onBatch?: (outputs: OutputsOf<L>, batch: BatchOf<Shapes>) => void | Promise<void>;
}

/** The outputs of a loss as those of a plan. @throws TypeError if it has none */
export function requireOutputs(outputs: NamedTensors | undefined): NamedTensors {
  if (!outputs) {
    throw new TypeError(
      "evaluate: metrics need the network's outputs: return them from loss, as in { loss: crossEntropy(logits, label), outputs: logits }",
    );
  }
  return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [OUTPUT + name, tensor]));
}

/** The means of losses and metrics over the batches of an evaluation. */
export class Measured<Shapes extends SampleShapes, L extends LossAndTerms> {
  readonly #metrics: [string, Metric<Shapes, L>][];
  readonly #onBatch: EvaluateOptions<Shapes, L, string>["onBatch"];
  readonly #mean = new Mean();

  /** @throws TypeError, RangeError for metrics that cannot be */
  constructor(metrics: unknown = {}, onBatch: EvaluateOptions<Shapes, L, string>["onBatch"]) {
    if (kindOf(metrics) !== "Object") {
      throw new TypeError(`evaluate: metrics are an object of functions by name, got ${aKind(metrics)}`);
    }
    this.#metrics = Object.entries(metrics as Record<string, Metric<Shapes, L>>);
    this.#onBatch = onBatch;
    for (const [name, metric] of this.#metrics) {
      if (typeof metric !== "function") {
        throw new TypeError(
          `evaluate: the metric ${name} must be a function of outputs and batch, got ${aKind(metric)}`,
        );
      }
      if (name === "loss" || isReserved(name)) throw new RangeError(`evaluate: a metric cannot be called ${name}`);
    }
    if (onBatch !== undefined && typeof onBatch !== "function") {
      throw new TypeError(`evaluate: onBatch must be a function of outputs and batch, got ${aKind(onBatch)}`);
    }
  }

  /** Whether it needs more than the losses. */
  get needsOutputs(): boolean {
    return this.#metrics.length > 0 || this.#onBatch !== undefined;
  }

  /**
   * Counts a batch's losses and metrics.
   * @throws TypeError for a metric that is no number; RangeError for one that has the name of a term
   */
  async add(values: ValuesOf<NamedTensors>, batch: BatchOf<Shapes>, count: number): Promise<void> {
    const isOutput = ([name]: readonly [string, unknown]) => name.startsWith(OUTPUT);
    const all = Object.entries(values);
    const numbers: Record<string, number> = numbersOf(Object.fromEntries(all.filter((one) => !isOutput(one))));
    if (this.needsOutputs) {
      const own = all.filter(isOutput).map(([name, value]) => [name.slice(OUTPUT.length), value] as const);
      const outputs = predictedOf(Object.fromEntries(own)) as OutputsOf<L>;
      for (const [name, metric] of this.#metrics) {
        if (Object.hasOwn(numbers, name)) {
          throw new RangeError(`evaluate: the metric ${name} has the name of a term of the loss`);
        }
        const value: unknown = metric(outputs, batch);
        if (typeof value !== "number") {
          throw new TypeError(`evaluate: the metric ${name} gave ${aKind(value)}, expected a number, the batch's mean`);
        }
        numbers[name] = value;
      }
      await this.#onBatch?.(outputs, batch);
    }
    this.#mean.add(numbers, count);
  }

  /** @throws RangeError if there were no batches */
  means(): Record<string, number> {
    return this.#mean.means("evaluate");
  }
}
