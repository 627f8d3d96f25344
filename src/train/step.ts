/** The compiled step of a training phase. */
import type { Batch } from "../data/sample.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { compile, compileAhead } from "../graph/compile.ts";
import { kernelsOf, requireFit } from "../graph/preview.ts";
import { Graph } from "../graph/graph.ts";
import type { Plan } from "../graph/plan.ts";
import { profilePlan, type NodeProfile } from "../graph/profile.ts";
import type { Node, Variable } from "../graph/tensor.ts";
import type { Kernel } from "../kernels/kernel.ts";
import { diverged, type DivergedError } from "../loop/diverged.ts";
import type { Phase } from "../models/model.ts";
import type { BatchInput } from "../models/spec.ts";
import type { Module } from "../nn/module.ts";
import { Adam, adamDefaults } from "../optim/adam.ts";

export interface StepOptions {
  batch: number;
  /** Height and width of the input. */
  size: readonly [number, number];
  /** Class weights in the loss; undefined if all are equal. */
  weight?: readonly number[] | undefined;
  /** Whether the backward pass recomputes cheap activations instead of keeping them. */
  recompute?: boolean;
}

/** The loss of one training step, and its terms by name. */
export type StepLosses = { loss: number } & Record<string, number>;

export interface StepResult {
  losses: StepLosses;
  /** Whether loss and gradients are finite; if not, the step changed neither parameters nor Adam's moments. */
  finite: boolean;
}

/** One training step of a phase: forward, backward, Adam and batch-norm statistics in one submit. */
export class TrainingStep {
  readonly plan: Plan;
  readonly #adam: Adam;
  readonly #inputs: readonly BatchInput[];
  readonly #updates: ReadonlySet<Node>;
  /** The step in which each batch was last used, to repeat it. */
  readonly #numbers = new WeakMap<Batch, number>();

  private constructor(plan: Plan, adam: Adam, inputs: readonly BatchInput[], updates: readonly Node[]) {
    this.plan = plan;
    this.#adam = adam;
    this.#inputs = inputs;
    this.#updates = new Set(updates);
  }

  static async create(gpu: Gpu, phase: Phase, adam: Adam, options: StepOptions): Promise<TrainingStep> {
    const { graph, outputs, updates } = record(phase, adam, options);
    const { recompute = false } = options;
    return new TrainingStep(await compile(gpu, graph, { outputs, updates, recompute }), adam, phase.inputs, updates);
  }

  /** Compiles the shaders of a later phase in the background, if the driver would defer that. */
  static async ahead(gpu: Gpu, phase: Phase, options: StepOptions): Promise<void> {
    const { graph, outputs, updates } = record(phase, new Adam(phase.slabs, adamDefaults), options);
    await compileAhead(gpu, graph, { outputs, updates, recompute: options.recompute ?? false });
  }

  /**
   * @returns the minimum bytes of device memory it needs
   * @throws PlanError if `create` would, because a tensor exceeds the adapter's limits
   */
  static requireFit(gpu: Gpu, phase: Phase, options: StepOptions): number {
    const { graph, outputs, updates } = record(phase, new Adam(phase.slabs, adamDefaults), options);
    return requireFit(gpu, graph, { outputs, updates, recompute: options.recompute ?? false });
  }

  /** The kernels that `create` would compile; costs little. */
  static kernels(phase: Phase, options: StepOptions): Kernel[] {
    const { graph, outputs, updates } = record(phase, new Adam(phase.slabs, adamDefaults), options);
    return kernelsOf(graph, { outputs, updates });
  }

  /** Runs one step at learning rate `lr`. Another may be started before it has ended. */
  async run(batch: Batch, lr: number): Promise<StepResult> {
    const number = this.#adam.steps + 1;
    this.#numbers.set(batch, number);
    const { guard, ...out } = await this.plan.run({ ...this.#given(batch, number), adam: this.#adam.advance(lr) });
    const losses = Object.fromEntries(Object.entries(out).map(([name, value]) => [name, value[0]!]));
    return { losses: losses as StepLosses, finite: Number.isFinite(guard![0]) };
  }

  /** Profiles a step. Runs some steps on this batch and undoes them. */
  profile(gpu: Gpu, batch: Batch): Promise<NodeProfile[]> {
    return profilePlan(gpu, this.plan, { ...this.#given(batch, this.#adam.steps + 1), adam: Float32Array.of(0, 1) });
  }

  /** Finds out why a step on this batch is not finite: it left the parameters unchanged, so the pass can be repeated. */
  async diagnose(batch: Batch, step: number): Promise<DivergedError> {
    const number = this.#numbers.get(batch) ?? this.#adam.steps + 1;
    const label = await this.plan.firstNonFinite({ ...this.#given(batch, number), adam: new Float32Array(2) }, (node) =>
      this.#updates.has(node),
    );
    return diverged(step, label);
  }

  /** The graph's inputs from a batch, in the step of this number. */
  #given(batch: Batch, number: number): Record<string, Float32Array | Uint32Array> {
    const valueOf = (name: BatchInput) => (name === "step" ? Uint32Array.of(number) : batch[name]);
    return { image: batch.image, ...Object.fromEntries(this.#inputs.map((name) => [name, valueOf(name)])) };
  }
}

/** The graph of a phase's step. */
function record(phase: Phase, adam: Adam, { batch: n, size: [h, w], weight }: StepOptions) {
  const { frozen } = phase;
  const graph = new Graph({ training: true, evaluating: frozen ? [frozen.path] : [] });
  const image = graph.input("image", [n, h, w, 3]);
  const target = phase.inputs.includes("target") ? { target: graph.input("target", [n, h, w, 1]) } : {};
  const label = phase.inputs.includes("label") ? { label: graph.input("label", [n], "u32") } : {};
  const step = phase.inputs.includes("step") ? { step: graph.input("step", [1], "u32") } : {};
  const { loss, terms = {} } = phase.record({ image, ...target, ...label, ...step }, weight);
  const { updates, guard } = adam.record(graph, loss);
  if (frozen) requireKept(graph, frozen);
  return { graph, updates, outputs: { loss, ...terms, guard } };
}

/** @throws RangeError if a step would change what is frozen: a layer that does not record within its own path */
function requireKept(graph: Graph, frozen: Module): void {
  const kept = new Set<Variable>([...frozen.named()].map(([, parameter]) => parameter));
  for (const { layer, kernel, updates } of graph.nodes) {
    const changed = updates.find((variable) => kept.has(variable));
    if (changed) throw new RangeError(`${layer}: ${kernel.name} would change ${changed.label}, which is frozen`);
  }
}
