/** Group "step": one training step of a network's last phase, ours against the peers'. */
import type { Gpu } from "../src/gpu/gpu.ts";
import { checked, contest, type BenchContext } from "./contest.ts";
import {
  BAR,
  JUMP_BAR,
  namedError,
  relativeError,
  requireBelow,
  requireSameGradients,
  stepErrors,
  TENSOR_BAR,
  UPDATE_BAR,
} from "./equality.ts";
import { OurStep } from "./ours/step.ts";
import type { Peer, StepImplementation, StepSetup } from "./peers/peer.ts";
import type { Result } from "./results.ts";
import { randomBatch, reduced } from "./setup.ts";

/** How many batches may be tried to show that the gradients agree. */
const BATCHES = 6;

/** @throws EqualityError if a peer does not compute the same */
export async function benchStep(context: BenchContext, name: string, setup: StepSetup): Promise<Result> {
  const { gpu, say } = context;
  say(`${name}: compiling ours`);
  const ours = new OurStep(gpu, setup);
  await ours.prepare();
  const expected = await firstSteps(ours, setup);
  if (context.profiler) await context.profiler.add(name, await ours.profile(), (line) => console.log(line));
  const { network, batch } = setup;
  const what = { name, group: "step", network, batch: batch.label.length, flops: ours.flops } as const;
  return contest(context, what, entryOf(ours), async (peer) => {
    if (!peer.createStep) return undefined;
    say(`  preparing ${peer.name} ${peer.version} (minutes, where the driver has not compiled it before)`);
    // Another size is another hundreds of shaders to compile, which a first impression does without.
    const small = context.thorough ? await requireSameReduced(gpu, peer, setup) : undefined;
    const theirs = await peer.createStep(gpu, setup);
    return checked(entryOf(theirs), async () => {
      await theirs.prepare();
      const errors = await requireSameStep(gpu, `${peer.name}, ${name}`, theirs, setup);
      const { statistics, updates, losses } = await firstSteps(theirs, setup);
      const require = (what: string, error: number, bar: number) =>
        requireBelow(peer.name, `${name}: ${what}`, error, bar);
      if (expected.statistics.size > 0) {
        require("running statistics", namedError(statistics, expected.statistics), BAR);
      }
      require("updates", namedError(updates, expected.updates), UPDATE_BAR);
      // As far off as the gradient may be that the step follows.
      require("change of the loss", relativeError([[[changeOf(losses)], [changeOf(expected.losses)]]]), JUMP_BAR);
      const show = (error: number) => error.toExponential(0);
      const reduced = small ? ` (${show(small.gradients)} on reduced images)` : "";
      say(
        `  ${peer.name} computes the same: relative error of the loss ${show(errors.loss)}, of all gradients ` +
          `${show(errors.gradients)}${reduced}`,
      );
    });
  });
}

const entryOf = (step: StepImplementation) => ({
  async run(times: number) {
    for (let i = 0; i < times; i++) await step.step();
  },
  destroy: () => step.destroy(),
});

/** The same network, no wider than its quick preset's, on fewer, smaller images, where the gradient has fewer kinks to jump at, has to agree closely. */
async function requireSameReduced(gpu: Gpu, peer: Peer, setup: StepSetup) {
  const small = reduced(setup);
  const batches = Array.from({ length: BATCHES }, (_, seed) => randomBatch(small.batch.label.length, small.size, seed));
  const theirs = await peer.createStep!(gpu, small);
  const ours = new OurStep(gpu, small);
  try {
    return await requireSameGradients(peer.name, ours, theirs, batches);
  } finally {
    ours.destroy();
    await theirs.destroy();
  }
}

/** What is going to be timed has to agree as well as its kinks allow. */
async function requireSameStep(gpu: Gpu, name: string, theirs: StepImplementation, setup: StepSetup) {
  const ours = new OurStep(gpu, setup);
  try {
    const errors = await stepErrors(ours, theirs, setup.batch);
    requireBelow(name, "loss", errors.loss, BAR);
    requireBelow(name, "gradients", errors.gradients, JUMP_BAR);
    requireBelow(name, `gradient of ${errors.worst.name}`, errors.worst.error, TENSOR_BAR);
    return errors;
  } finally {
    ours.destroy();
  }
}

const changeOf = ([before, after]: readonly [number, number]): number => after - before;

/** What the first two steps do: the state after the first, and both losses. */
async function firstSteps(step: StepImplementation, { parameters }: StepSetup) {
  const first = await step.step();
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
  const losses: readonly [number, number] = [first, await step.step()];
  return { statistics, updates, losses };
}
