/** A process that takes training steps of one network and tells its parent how long they took, and how much memory. */
import { withTunedGpu } from "../../src/cli/tuned.ts";
import type { Gpu } from "../../src/gpu/gpu.ts";
import { Adam, adamDefaults } from "../../src/optim/adam.ts";
import { buildModel } from "../../src/train/build.ts";
import type { TrainConfig } from "../../src/train/config.ts";
import { TrainingStep } from "../../src/train/step.ts";
import { randomBatch } from "../setup.ts";

export interface Task {
  config: TrainConfig;
  /** Steps that are timed, after the first one. */
  steps: number;
  adapter?: string | undefined;
  tuned?: boolean | undefined;
}

export interface Figures {
  compileMs: number;
  stepMs: readonly number[];
  /** Floating-point operations of a step. */
  flops: number;
  /** Bytes on the device: activations, gradients and scratch; parameters, statistics and Adam's state. */
  activations: number;
  variables: number;
  /** The most bytes that the process held, which on a software adapter include the device's. */
  process: number;
}

export type Answer = { figures: Figures } | { error: string };

async function measure(gpu: Gpu, { config, steps }: Task): Promise<Figures> {
  const { size, batch } = config;
  const phase = buildModel(config).phases.at(-1)!;
  const adam = new Adam(phase.slabs, { ...adamDefaults, lr: phase.learningRate });
  const begun = performance.now();
  const step = await TrainingStep.create(gpu, phase, adam, { batch, size });
  const compileMs = performance.now() - begun;
  const images = randomBatch(batch, size, config.seed);
  const stepMs: number[] = [];
  for (let i = 0; i <= steps; i++) {
    const before = performance.now();
    const { finite } = await step.run(images, phase.learningRate);
    if (!finite) throw new Error(`loss or gradients of step ${i + 1} are not finite`);
    // The first one warms up.
    if (i > 0) stepMs.push(performance.now() - before);
  }
  const { flops, peakBytes, variableBytes } = step.plan.summary;
  const resident = 1024 * process.resourceUsage().maxRSS;
  return { compileMs, stepMs, flops, activations: peakBytes, variables: variableBytes, process: resident };
}

const task = JSON.parse(process.argv[2]!) as Task;
const { adapter, tuned = true } = task;
let answer: Answer;
try {
  const options = { ...(adapter === undefined ? {} : { adapter }), tuned };
  answer = { figures: await withTunedGpu(options, (gpu) => measure(gpu, task)) };
} catch (error) {
  answer = { error: error instanceof Error ? error.message : String(error) };
}
process.send!(answer);
process.disconnect();
