/** Group "step": one joint training step, ours against the peers'. */
import type { Gpu } from "../src/gpu/gpu.ts";
import type { TrainConfig } from "../src/train/config.ts";
import {
  BAR,
  JUMP_BAR,
  namedError,
  relativeError,
  requireBelow,
  requireSameGradients,
  stepErrors,
  UPDATE_BAR,
} from "./equality.ts";
import { OurStep } from "./ours.ts";
import type { Peer, StepImplementation, StepSetup } from "./peers/peer.ts";
import type { Result } from "./results.ts";
import { interleave, timingOf } from "./sampling.ts";
import { randomBatch, reduced, stepSetup } from "./setup.ts";

/** How many batches may be tried to show that the gradients agree. */
const BATCHES = 6;

/**
 * Times a preset's step.
 * @param peak multiply-add peak of the adapter, GFLOP/s
 * @throws EqualityError if a peer does not compute the same
 */
export async function benchStep(
  gpu: Gpu,
  preset: TrainConfig["preset"],
  peers: readonly Peer[],
  { rounds, peak }: { rounds: number; peak: number },
): Promise<Result> {
  const setup = stepSetup(preset);
  const ours = new OurStep(gpu, setup);
  const all = new Map<string, StepImplementation>([["ours", ours]]);
  try {
    await ours.prepare();
    const expected = await firstSteps(ours, setup);
    for (const peer of peers) {
      console.log(`Preparing ${peer.name} ${peer.version}`);
      const small = await requireSameReduced(gpu, peer, setup);
      const theirs = await peer.createStep(gpu, setup);
      all.set(peer.name, theirs);
      await theirs.prepare();
      const errors = await requireSameStep(gpu, peer.name, theirs, setup);
      const { statistics, updates, loss } = await firstSteps(theirs, setup);
      requireBelow(peer.name, "running statistics", namedError(statistics, expected.statistics), BAR);
      requireBelow(peer.name, "updates", namedError(updates, expected.updates), UPDATE_BAR);
      requireBelow(peer.name, "loss after a step", relativeError([[[loss], [expected.loss]]]), BAR);
      const show = (error: number) => error.toExponential(0);
      console.log(
        `  computes the same: relative error of the loss ${show(errors.loss)}, of all gradients ${show(small.gradients)} ` +
          `on reduced images, ${show(errors.gradients)} on whole ones`,
      );
    }
    const contestants = new Map([...all].map(([name, step]) => [name, () => step.step()]));
    const samples = await interleave(contestants, rounds, () => gpu.check());
    const own = timingOf(samples.get("ours")!);
    const gflops = ours.flops / own.medianMs / 1e6;
    const timings = peers.map(({ name }) => [name, timingOf(samples.get(name)!)] as const);
    return {
      name: `step/${preset}`,
      group: "step",
      ours: { ...own, gflops, peakFraction: gflops / peak },
      peers: Object.fromEntries(timings),
      ratios: Object.fromEntries(timings.map(([name, { medianMs }]) => [name, medianMs / own.medianMs])),
    };
  } finally {
    for (const step of all.values()) step.destroy();
  }
}

/** The same network on fewer, smaller images, where the gradient has fewer kinks to jump at, has to agree closely. */
async function requireSameReduced(gpu: Gpu, peer: Peer, setup: StepSetup) {
  const small = reduced(setup);
  const batches = Array.from({ length: BATCHES }, (_, seed) => randomBatch(small.batch.label.length, small.size, seed));
  const ours = new OurStep(gpu, small);
  const theirs = await peer.createStep(gpu, small);
  try {
    return await requireSameGradients(peer.name, ours, theirs, batches);
  } finally {
    ours.destroy();
    theirs.destroy();
  }
}

/** What is going to be timed has to agree as well as its kinks allow. */
async function requireSameStep(gpu: Gpu, name: string, theirs: StepImplementation, setup: StepSetup) {
  const ours = new OurStep(gpu, setup);
  try {
    const errors = await stepErrors(ours, theirs, setup.batch);
    requireBelow(name, "loss", errors.loss, BAR);
    requireBelow(name, "gradients", errors.gradients, JUMP_BAR);
    return errors;
  } finally {
    ours.destroy();
  }
}

/** What the first two steps do: the state after the first, and the loss that it leads to. */
async function firstSteps(step: StepImplementation, { parameters }: StepSetup) {
  await step.step();
  const [statistics, updates] = [new Map<string, Float32Array>(), new Map<string, Float32Array>()];
  for (const [name, after] of await step.state()) {
    const { data: before, trainable } = parameters.get(name)!;
    if (trainable)
      updates.set(
        name,
        after.map((value, i) => value - before[i]!),
      );
    else statistics.set(name, after);
  }
  return { statistics, updates, loss: await step.step() };
}
