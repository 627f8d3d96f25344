/** Our own training step, in the form in which the benchmark runs every implementation. */
import { gradients } from "../../src/autograd/gradients.ts";
import type { Batch } from "../../src/data/sample.ts";
import type { Gpu } from "../../src/gpu/gpu.ts";
import { compile } from "../../src/graph/compile.ts";
import { Graph } from "../../src/graph/graph.ts";
import type { NodeProfile } from "../../src/graph/profile.ts";
import { readVariable, releaseVariables, writeVariable } from "../../src/graph/storage.ts";
import type { Phase } from "../../src/models/model.ts";
import type { Module } from "../../src/nn/module.ts";
import { Adam, adamDefaults } from "../../src/optim/adam.ts";
import { TrainingStep } from "../../src/train/step.ts";
import { modelOf, timedPhase } from "../shared-networks.ts";
import type { LossAndGradients, StepImplementation, StepSetup } from "../peers/peer.ts";

export class OurStep implements StepImplementation {
  readonly #gpu: Gpu;
  readonly #setup: StepSetup;
  readonly #net: Module;
  readonly #phase: Phase;
  readonly #adam: Adam;
  #step: TrainingStep | undefined;

  constructor(gpu: Gpu, setup: StepSetup) {
    this.#gpu = gpu;
    this.#setup = setup;
    const model = modelOf(setup);
    this.#net = model.net;
    this.#phase = timedPhase(model);
    this.#adam = new Adam(this.#phase.slabs, { ...adamDefaults, lr: setup.lr });
    for (const [name, variable] of this.#net.named()) writeVariable(gpu, variable, setup.parameters.get(name)!.data);
  }

  async prepare(): Promise<void> {
    const { size, batch } = this.#setup;
    const options = { batch: batch.label.length, size };
    this.#step = await TrainingStep.create(this.#gpu, this.#phase, this.#adam, options);
  }

  /** Floating-point operations of the convolutions in one step; after `prepare`. */
  get flops(): number {
    return this.#step!.plan.summary.flops;
  }

  /** Where the time of a step goes; after `prepare`. */
  profile(): Promise<NodeProfile[]> {
    return this.#step!.profile(this.#gpu, this.#setup.batch);
  }

  async lossAndGradients(batch: Batch): Promise<LossAndGradients> {
    const gpu = this.#gpu;
    const [n, [h, w]] = [batch.label.length, this.#setup.size];
    const graph = new Graph({ training: true });
    const takesTarget = this.#phase.inputs.includes("target");
    const { loss: total } = this.#phase.record({
      image: graph.input("image", [n, h, w, 3]),
      label: graph.input("label", [n], "u32"),
      ...(takesTarget ? { target: graph.input("target", [n, h, w, 1]) } : {}),
    });
    const trainable = [...this.#net.named()].filter(([, p]) => p.trainable);
    const all = gradients(
      total,
      trainable.map(([, p]) => p),
    );
    const outputs = Object.fromEntries(trainable.map(([name], i) => [name, all[i]!]));
    // A forward pass in training mode moves the running statistics.
    const statistics = [...this.#net.named()].map(([, p]) => p).filter((p) => !p.trainable);
    const before = await Promise.all(statistics.map((p) => readVariable(gpu, p)));
    const plan = await compile(gpu, graph, { outputs: { ...outputs, "the loss": total } });
    try {
      const { "the loss": loss, ...values } = await plan.run({
        image: batch.image,
        label: batch.label,
        ...(takesTarget ? { target: batch.target } : {}),
      });
      return { loss: loss[0]!, gradients: new Map(Object.entries(values)) };
    } finally {
      plan.destroy();
      for (const [i, p] of statistics.entries()) writeVariable(gpu, p, before[i]!);
    }
  }

  async step(): Promise<number> {
    const { losses } = await this.#step!.run(this.#setup.batch, this.#setup.lr);
    return losses.loss;
  }

  async state(): Promise<Map<string, Float32Array>> {
    const state = new Map<string, Float32Array>();
    for (const [name, variable] of this.#net.named()) state.set(name, await readVariable(this.#gpu, variable));
    return state;
  }

  destroy(): void {
    this.#step?.plan.destroy();
    releaseVariables(
      this.#gpu,
      [...this.#net.named()].map(([, p]) => p),
    );
    releaseVariables(
      this.#gpu,
      this.#adam.state.map(([, v]) => v),
    );
  }
}
