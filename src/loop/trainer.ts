/** Trains a network of one's own: `trainer(gpu, net, { loss, optimizer, inputs })`. */
import type { Gpu } from "../gpu/gpu.ts";
import { compile } from "../graph/compile.ts";
import { Graph } from "../graph/graph.ts";
import type { NamedTensors } from "../graph/options.ts";
import type { Plan, ValuesOf } from "../graph/plan.ts";
import { Tensor, type Node } from "../graph/tensor.ts";
import { aKind, kindOf, requireKnown, requireWhole } from "../kernels/kernel.ts";
import { Module, type Parameter } from "../nn/module.ts";
import { diverged } from "./diverged.ts";
import { runSteps, until } from "./pipeline.ts";
import {
  copyOf,
  formOf,
  inputsOf,
  PlansByForm,
  requireShapes,
  type Batches,
  type BatchOf,
  type Form,
  type SampleShapes,
  type TensorsOf,
} from "./samples.ts";

/** What a trainer asks of an optimiser. */
export interface StepOptimizer {
  readonly options: { readonly lr: number };
  readonly parameters: readonly Parameter[];
  /** Steps taken. */
  readonly steps: number;
  /** Records one step in the loss's graph. `guard` [1] is finite where the step was taken; `input` names the input for the values of `advance`. */
  record(graph: Graph, loss: Tensor, input: string): { updates: Node[]; guard: Tensor };
  /** The values of the next step, for the input; counts it. */
  advance(lr?: number): Float32Array;
}

/** A loss [1], alone or with further numbers [1] to be reported, such as its terms. */
export type LossAndTerms = Tensor | ({ readonly loss: Tensor } & NamedTensors);

/** What is trained, by which loss, and how. */
export interface TrainerOptions<Shapes extends SampleShapes, L extends LossAndTerms> {
  /** The shape of one sample of each input, such as `{ image: [28, 28, 1], label: [] }`. */
  inputs: Shapes;
  /** Records the mean loss of a batch, as in `({ image, label }) => crossEntropy(net.forward(image), label)`. */
  loss: (batch: TensorsOf<Shapes>) => L;
  optimizer: StepOptimizer;
  /** The factor of the learning rate in a step, counted from 0 (`mganet-webgpu/optim` has PyTorch's schedules). Default 1. */
  schedule?: (step: number) => number;
  /** The backward pass recomputes cheap activations instead of keeping them: less memory, more time. Default false. */
  recompute?: boolean;
}

/** The numbers of a loss, by name. */
export type Losses<L extends LossAndTerms> = (L extends Tensor ? unknown : { [Name in keyof L]: number }) & {
  loss: number;
};

/** Means over samples. */
export type Means<L extends LossAndTerms> = Losses<L> & { readonly samples: number };

/** What an epoch came to. */
export type EpochMeans<L extends LossAndTerms> = Means<L> & {
  /** From 1. */
  readonly epoch: number;
  readonly seconds: number;
};

/** How long to train, and what to do meanwhile. */
export interface FitOptions<L extends LossAndTerms> {
  /** How often to go over the batches. Default 1. */
  epochs?: number;
  /** After each step; the next one may be in progress. `step` is counted from 1, over the trainer's life. */
  onStep?: (losses: Losses<L>, step: number) => void | Promise<void>;
  /** After each epoch, for example to evaluate; training waits. */
  onEpoch?: (epoch: EpochMeans<L>) => void | Promise<void>;
  /** Ends it after the step in progress. */
  signal?: AbortSignal;
}

/** The input that the optimiser's values of a step go through. */
const OPTIMIZER = "optimizer";
/** The input of layers that differ from step to step, such as dropout: its number, from 1. */
const STEP = "step";

type Recorded = { readonly loss: Tensor } & NamedTensors;

/** A network's training; `trainer` makes one. */
class Trainer<Shapes extends SampleShapes, L extends LossAndTerms> {
  readonly #options: TrainerOptions<Shapes, L>;
  readonly #training: PlansByForm<Recorded & { guard: Tensor }>;
  readonly #evaluating: PlansByForm<Recorded>;
  /** Settled once the last step that was asked for has begun. */
  #turn: Promise<void> = Promise.resolve();
  #destroyed = false;

  constructor(gpu: Gpu, net: Module, options: TrainerOptions<Shapes, L>) {
    requireOptions(net, options);
    this.#options = options;
    const { optimizer, recompute = false } = options;
    this.#training = new PlansByForm(async (form) => {
      const graph = new Graph({ training: true });
      const outputs = this.#record(graph, form);
      const { updates, guard } = optimizer.record(graph, outputs.loss, OPTIMIZER);
      return compile(gpu, graph, { outputs: { ...outputs, guard }, updates, recompute });
    });
    this.#evaluating = new PlansByForm((form) => {
      const graph = new Graph();
      return compile(gpu, graph, { outputs: this.#record(graph, form), frozen: true });
    });
  }

  /**
   * One step of the optimiser, in one submit. A batch of another size than the last is compiled for once.
   * @param batch N samples: a Float32Array, or a Uint32Array, of each input; copied, so that the arrays may be filled again at once
   * @returns the losses before the step
   * @throws TypeError for a batch that does not fit; DivergedError if the loss or a gradient is not finite: parameters and the
   *   optimiser's state are then as before
   */
  async step(batch: BatchOf<Shapes>): Promise<Losses<L>> {
    return (await this.#take(batch)).losses;
  }

  async #take(batch: BatchOf<Shapes>): Promise<{ losses: Losses<L>; count: number; number: number }> {
    const form = formOf("step", this.#options.inputs, batch);
    const own = copyOf(batch);
    // One that must be compiled for is not overtaken by the next.
    const before = this.#turn;
    let begun = () => {};
    this.#turn = new Promise((resolve) => (begun = resolve));
    await before;
    try {
      this.#requireAlive();
      const plan = await this.#training.for(form);
      const number = this.#options.optimizer.steps + 1;
      return { losses: await this.#run(plan, own, number, begun), count: form.count, number };
    } finally {
      begun();
    }
  }

  async #run(
    plan: Plan<Recorded & { guard: Tensor }>,
    batch: BatchOf<Shapes>,
    number: number,
    begun: () => void,
  ): Promise<Losses<L>> {
    const { optimizer, schedule } = this.#options;
    const factor = schedule ? requireFactor(schedule(number - 1), number - 1) : 1;
    const rest = plan.takes(STEP) ? { [STEP]: Uint32Array.of(number) } : {};
    const given = { ...batch, ...rest, [OPTIMIZER]: optimizer.advance(factor * optimizer.options.lr) };
    const running = plan.run(given);
    begun();
    const { guard, ...values } = await running;
    if (Number.isFinite(guard[0])) return numbersOf<L>(values);
    const again = { ...given, [OPTIMIZER]: new Float32Array(given[OPTIMIZER].length) };
    throw diverged(number, await plan.firstNonFinite(again, (node) => node.updates.length > 0));
  }

  /**
   * Trains on batches, the last of which may be smaller, while the next one is prepared.
   * @param batches an array, or a function of the epoch, counted from 1, that returns batches in any form that `for await` takes, or a
   *   promise of them
   * @returns the means of each epoch
   * @throws as `step`; TypeError for what is no sequence of batches; RangeError if there are none, or an iterator is to serve for several epochs
   */
  async fit(
    batches:
      Batches<BatchOf<Shapes>> | ((epoch: number) => Batches<BatchOf<Shapes>> | Promise<Batches<BatchOf<Shapes>>>),
    options: FitOptions<L> = {},
  ): Promise<EpochMeans<L>[]> {
    requireKnown("fit", options, ["epochs", "onStep", "onEpoch", "signal"]);
    const { epochs = 1, onStep, onEpoch, signal } = options;
    requireWhole("fit", "epochs", epochs, 1);
    const of = batchesOf(batches, epochs);
    const done: EpochMeans<L>[] = [];
    for (let epoch = 1; epoch <= epochs && !signal?.aborted; epoch++) {
      const begun = performance.now();
      const mean = new Mean<L>();
      const ofEpoch = await of(epoch);
      requireBatches("fit", ofEpoch);
      await runSteps(until(signal, ofEpoch), {
        begin: (batch) => this.#take(batch),
        end: async (_, { losses, count, number }) => {
          mean.add(losses, count);
          await onStep?.(losses, number);
        },
      });
      if (mean.samples === 0 && signal?.aborted) break;
      const means = { ...mean.means("fit"), epoch, seconds: (performance.now() - begun) / 1000 };
      done.push(means);
      await onEpoch?.(means);
    }
    return done;
  }

  /**
   * The losses of batches as in inference: normalised by running statistics, nothing dropped, nothing changed.
   * @returns means over samples
   * @throws TypeError for a batch that does not fit; RangeError if there are none
   */
  async evaluate(batches: Batches<BatchOf<Shapes>>): Promise<Means<L>> {
    requireBatches("evaluate", batches);
    const mean = new Mean<L>();
    await runSteps(batches, {
      begin: async (batch) => {
        this.#requireAlive();
        const form = formOf("evaluate", this.#options.inputs, batch);
        const own = copyOf(batch);
        const plan = await this.#evaluating.for(form);
        return { losses: numbersOf<L>(await plan.run(own)), count: form.count };
      },
      end: (_, { losses, count }) => mean.add(losses, count),
    });
    return mean.means("evaluate");
  }

  /** Frees what was compiled; the network and the optimiser keep their values. */
  destroy(): void {
    this.#destroyed = true;
    this.#training.destroy();
    this.#evaluating.destroy();
  }

  /** As `destroy`, for `using`. */
  [Symbol.dispose](): void {
    this.destroy();
  }

  #record(graph: Graph, form: Form): Recorded {
    const given = inputsOf(graph, this.#options.inputs, form);
    const recorded: unknown = this.#options.loss(given);
    const outputs = (recorded instanceof Tensor ? { loss: recorded } : recorded) as Recorded;
    for (const [name, tensor] of Object.entries({ ...NO_LOSS, ...outputs })) {
      if (tensor instanceof Tensor && tensor.size === 1 && !RESERVED.has(name)) continue;
      const got = tensor instanceof Tensor ? `${String(tensor.size)} values` : aKind(tensor);
      throw new TypeError(
        RESERVED.has(name)
          ? `trainer: a term of the loss cannot be called ${name}`
          : `trainer: loss must return one number, or { loss, … } with one number each, got ${got} for ${name}`,
      );
    }
    return outputs;
  }

  #requireAlive(): void {
    if (this.#destroyed) throw new Error("the trainer was destroyed; make another one");
  }
}

export type { Trainer };

/**
 * A trainer of a network.
 * @param net finished (`net.finish(initialValues(seed))`); `options.loss` records it
 * @throws TypeError for what is no network, or an optimiser of other parameters; ShapeError for inputs without shapes
 */
export const trainer = <const Shapes extends SampleShapes, L extends LossAndTerms>(
  gpu: Gpu,
  net: Module,
  options: TrainerOptions<Shapes, L>,
): Trainer<Shapes, L> => new Trainer(gpu, net, options);

const NO_LOSS: Readonly<Record<string, unknown>> = { loss: undefined };
const RESERVED: ReadonlySet<string> = new Set(["guard"]);

function requireOptions<Shapes extends SampleShapes>(
  net: unknown,
  options: TrainerOptions<Shapes, LossAndTerms>,
): void {
  if (!(net instanceof Module)) throw new TypeError(`trainer: expected a module as the network, got ${aKind(net)}`);
  requireKnown("trainer", options, ["inputs", "loss", "optimizer", "schedule", "recompute"]);
  const { inputs, loss, optimizer, schedule } = options;
  requireShapes("trainer", inputs);
  for (const name of [OPTIMIZER, STEP]) {
    if (Object.hasOwn(inputs, name)) throw new RangeError(`trainer: an input cannot be called ${name}`);
  }
  if (typeof loss !== "function") {
    throw new TypeError(`trainer: loss must be a function of a batch's tensors, got ${aKind(loss)}`);
  }
  if (typeof (optimizer as Partial<StepOptimizer> | undefined)?.record !== "function") {
    throw new TypeError(`trainer: optimizer must be one such as new Adam(net), got ${aKind(optimizer)}`);
  }
  if (schedule !== undefined && typeof schedule !== "function") {
    throw new TypeError(
      `trainer: schedule must be a function of the step, such as stepLR({ stepSize: 100 }), got ${aKind(schedule)}`,
    );
  }
  const own = new Set(net.parameters());
  const strange = optimizer.parameters.find((parameter) => !own.has(parameter));
  if (strange) throw new TypeError(`trainer: the optimizer trains ${strange.label}, which is not part of the network`);
}

/** @throws RangeError unless what a schedule gave is a factor of the learning rate */
function requireFactor(factor: unknown, step: number): number {
  if (typeof factor === "number" && Number.isFinite(factor) && factor >= 0) return factor;
  const got = typeof factor === "number" ? factor : aKind(factor);
  throw new RangeError(
    `trainer: the schedule gave ${got} for step ${step}, expected a factor of the learning rate, of at least 0`,
  );
}

/** @throws TypeError for what is no sequence of batches, such as one of them by itself */
function requireBatches(op: string, batches: unknown): void {
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
function batchesOf<B>(batches: Batches<B> | ((epoch: number) => Batches<B> | Promise<Batches<B>>), epochs: number) {
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

const numbersOf = <L extends LossAndTerms>(values: ValuesOf<NamedTensors>): Losses<L> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value[0]!])) as Losses<L>;

/** Means over samples, of the means of batches. */
class Mean<L extends LossAndTerms> {
  samples = 0;
  readonly #sums = new Map<string, number>();

  add(losses: Losses<L>, count: number): void {
    this.samples += count;
    for (const [name, value] of Object.entries(losses as Record<string, number>)) {
      this.#sums.set(name, (this.#sums.get(name) ?? 0) + count * value);
    }
  }

  /** @throws RangeError if there are no samples */
  means(op: string): Means<L> {
    const { samples } = this;
    if (samples === 0) throw new RangeError(`${op}: there are no batches`);
    return { ...Object.fromEntries([...this.#sums].map(([name, sum]) => [name, sum / samples])), samples } as Means<L>;
  }
}
