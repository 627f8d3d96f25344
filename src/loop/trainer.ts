/** Trains a network of one's own: `trainer(gpu, net, { loss, optimizer, inputs })`. */
import type { Gpu } from "../gpu/gpu.ts";
import { compile } from "../graph/compile.ts";
import { Graph, type Moded } from "../graph/graph.ts";
import type { NamedTensors } from "../graph/options.ts";
import type { Plan } from "../graph/plan.ts";
import { requireGpu } from "../graph/require-gpu.ts";
import type { Node, Tensor } from "../graph/tensor.ts";
import { aKind, requireKnown, requireWhole } from "../kernels/kernel.ts";
import { requireModule, type Module, type Parameter } from "../nn/module.ts";
import { diverged } from "./diverged.ts";
import type { EvaluateOptions } from "./evaluation.ts";
import { recordLoss, type LossAndTerms, type Losses, type Means, type RecordedLoss } from "./loss.ts";
import { Mean, numbersOf } from "./means.ts";
import { runSteps, until } from "./pipeline.ts";
import {
  batchesOf,
  copyOf,
  formOf,
  PlansByForm,
  requireBatches,
  requireShapes,
  type Batches,
  type BatchOf,
  type SampleShapes,
  type TensorsOf,
} from "./samples.ts";

/** What a trainer asks of an optimiser. */
export interface StepOptimizer {
  readonly options: { readonly lr: number };
  readonly parameters: readonly Parameter[];
  /** Steps taken; set back where one was not. */
  steps: number;
  /** Records one step in the loss's graph. `guard` [1] is finite where the step was taken; `input` names the input for the values of `advance`. */
  record(graph: Graph, loss: Tensor, input: string): { updates: Node[]; guard: Tensor };
  /** The values of the next step, for the input; counts it. */
  advance(lr?: number): Float32Array;
}

/** What is trained, by which loss, and how. */
export interface TrainerOptions<Shapes extends SampleShapes, L extends LossAndTerms> {
  /** The shape of one sample of each input, such as `{ image: [28, 28, 1], label: [] }`. */
  inputs: Shapes;
  /**
   * Records the mean loss of a batch, as in `({ image, label }) => crossEntropy(net.forward(image), label)`; or an object of it, further numbers
   * and the network's outputs (`LossAndTerms`).
   */
  loss: (batch: TensorsOf<Shapes>) => L;
  optimizer: StepOptimizer;
  /** The factor of the learning rate in a step, counted from 0 (`mganet-webgpu/optim` has PyTorch's schedules). Default 1. */
  schedule?: (step: number) => number;
  /** The backward pass recomputes cheap activations instead of keeping them: less memory, more time. Default false. */
  recompute?: boolean;
}

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
  /** After each step; the next one may be in progress. `step` is counted from 1, as the optimiser's `steps`. */
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

/** Not every page that trains evaluates. */
const loadEvaluation = () => import("./evaluation.ts");

/** What a step computes. */
type TrainingOutputs = RecordedLoss & { guard: Tensor };

/** A network's training; `trainer` makes one. */
class Trainer<Shapes extends SampleShapes, L extends LossAndTerms> {
  readonly #options: TrainerOptions<Shapes, L>;
  readonly #training: PlansByForm<TrainingOutputs>;
  readonly #evaluating: PlansByForm<NamedTensors>;
  /** The same, with the network's outputs. */
  readonly #answering: PlansByForm<NamedTensors>;
  readonly #net: Module;
  /** Modules that the loss uses besides the network, with their modes. */
  readonly #others = new Map<Moded, boolean>();
  /** Settled once the last step that was asked for has begun. */
  #turn: Promise<void> = Promise.resolve();
  #destroyed = false;

  constructor(gpu: Gpu, net: Module, options: TrainerOptions<Shapes, L>) {
    requireGpu("trainer", gpu);
    requireOptions(net, options);
    this.#options = options;
    this.#net = net;
    const { optimizer, recompute = false } = options;
    this.#training = new PlansByForm(async (form, modes) => {
      const graph = new Graph({ training: true });
      const { numbers } = this.#inModes(modes, () => recordLoss(graph, options, form));
      const own = new Set<Moded>(this.#modules());
      for (const [module, mode] of graph.modes) if (!own.has(module)) this.#others.set(module, mode);
      const { updates, guard } = optimizer.record(graph, numbers.loss, OPTIMIZER);
      return compile(gpu, graph, { outputs: { ...numbers, guard }, updates, recompute });
    });
    const inferring = (outputsOf: (recorded: ReturnType<typeof recordLoss>) => NamedTensors | Promise<NamedTensors>) =>
      new PlansByForm(async (form) => {
        const graph = new Graph();
        const outputs = await outputsOf(recordLoss(graph, options, form));
        return compile(gpu, graph, { outputs, frozen: true });
      });
    this.#evaluating = inferring(({ numbers }) => numbers);
    this.#answering = inferring(async ({ numbers, outputs }) => {
      const { requireOutputs } = await loadEvaluation();
      return { ...numbers, ...requireOutputs(outputs) };
    });
  }

  /**
   * One step of the optimiser, in one submit. A batch of another size than the last is compiled for once.
   * @param batch N samples: a Float32Array, or a Uint32Array, of each input; copied, so that the arrays may be filled again at once
   * @returns the losses before the step
   * @throws TypeError for a batch that does not fit; DivergedError if the loss or a gradient is not finite: parameters and the optimiser's state
   *   are then as before, and the step does not count, unless others were begun meanwhile; running statistics have taken the batch, as in PyTorch
   */
  async step(batch: BatchOf<Shapes>): Promise<Losses<L>> {
    return (await this.#take(batch)).losses;
  }

  async #take(batch: BatchOf<Shapes>): Promise<{ losses: Losses<L>; count: number; number: number }> {
    const form = formOf("step", this.#options.inputs, batch);
    const own = copyOf(batch);
    const modes = this.#modes();
    // One that must be compiled for is not overtaken by the next.
    const before = this.#turn;
    let begun = () => {};
    this.#turn = new Promise((resolve) => (begun = resolve));
    await before;
    try {
      this.#requireAlive();
      const run = async (plan: Plan<TrainingOutputs>) => {
        const number = this.#options.optimizer.steps + 1;
        return { losses: await this.#run(plan, own, number, begun), count: form.count, number };
      };
      return await this.#training.with(form, run, modes);
    } finally {
      begun();
    }
  }

  async #run(
    plan: Plan<TrainingOutputs>,
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
    if (Number.isFinite(guard[0])) return numbersOf(values) as Losses<L>;
    // Unless others have begun since, the step does not count.
    if (optimizer.steps === number) optimizer.steps--;
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
      const mean = new Mean();
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
      const means = { ...(mean.means("fit") as Means<L>), epoch, seconds: (performance.now() - begun) / 1000 };
      done.push(means);
      await onEpoch?.(means);
    }
    return done;
  }

  /**
   * The losses of batches as in inference: normalised by running statistics, nothing dropped, nothing changed. And what `metrics` say of the
   * outputs that `loss` returned:
   *
   *     loss({ image, label }) {
   *       const logits = net.forward(image);
   *       return { loss: crossEntropy(logits, label), outputs: logits };
   *     }
   *     const { loss, right } = await training.evaluate(batches, { metrics: { right: (logits, { label }) => accuracy(logits, label) } });
   *
   * @returns means over samples: a batch counts as often as it has samples, the last and smaller one too
   * @throws TypeError for a batch that does not fit, a metric that gives no number, or metrics of a loss without outputs; RangeError if there
   *   are no batches, or a metric is called as a loss
   */
  async evaluate<Name extends string = never>(
    batches: Batches<BatchOf<Shapes>>,
    options: EvaluateOptions<Shapes, L, Name> = {},
  ): Promise<Means<L> & Readonly<Record<Name, number>>> {
    requireKnown("evaluate", options, ["metrics", "onBatch"]);
    requireBatches("evaluate", batches);
    const { metrics, onBatch } = options;
    const { Measured } = await loadEvaluation();
    const measured = new Measured<Shapes, L>(metrics, onBatch);
    await runSteps(batches, {
      begin: async (batch) => {
        this.#requireAlive();
        const form = formOf("evaluate", this.#options.inputs, batch);
        const own = copyOf(batch);
        const plans = measured.needsOutputs ? this.#answering : this.#evaluating;
        return { values: await plans.with(form, (plan) => plan.run(own)), count: form.count, own };
      },
      end: (_, { values, count, own }) => measured.add(values, own, count),
    });
    return measured.means() as Means<L> & Readonly<Record<Name, number>>;
  }

  /** Frees what was compiled; the network and the optimiser keep their values. */
  destroy(): void {
    this.#destroyed = true;
    this.#training.destroy();
    this.#evaluating.destroy();
    this.#answering.destroy();
  }

  /** As `destroy`, for `using`. */
  [Symbol.dispose](): void {
    this.destroy();
  }

  /**
   * Which modules of the network behave as in training: 1 or 0 for each.
   * @throws Error if another module has got another mode than it was recorded with
   */
  #modes(): string {
    const changed = [...this.#others].find(([module, mode]) => module.training !== mode);
    if (changed) {
      throw new Error(
        `trainer: ${changed[0].constructor.name}, which the loss uses and the network does not contain, got another mode by train or eval ` +
          "after the loss was recorded; make another trainer",
      );
    }
    return this.#modules()
      .map(({ training }) => +training)
      .join("");
  }

  /** Runs `f` with the modes of a step's call, though they may have changed while it waited for the one before. */
  #inModes<T>(modes: string, f: () => T): T {
    const now = this.#modes();
    if (now === modes) return f();
    this.#setModes(modes);
    try {
      return f();
    } finally {
      this.#setModes(now);
    }
  }

  #setModes(modes: string): void {
    // Those below a module come after it, and get their own.
    for (const [i, module] of this.#modules().entries()) module.train(modes[i] === "1");
  }

  #modules(): Module[] {
    return [...this.#net.namedModules()].map(([, module]) => module);
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

function requireOptions<Shapes extends SampleShapes>(
  net: unknown,
  options: TrainerOptions<Shapes, LossAndTerms>,
): void {
  requireModule("trainer", net);
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
