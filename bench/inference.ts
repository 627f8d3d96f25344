/** Group "inference": images in, class and mask out. */
import { checked, contest, type BenchContext } from "./contest.ts";
import { BAR, relativeError, requireBelow } from "./equality.ts";
import { createInference } from "./ours/inference.ts";
import type { InferenceImplementation, InferenceSetup } from "./peers/peer.ts";
import type { Result } from "./results.ts";

/** @throws EqualityError if a peer does not compute the same */
export async function benchInference(context: BenchContext, name: string, setup: InferenceSetup): Promise<Result> {
  const { gpu, say } = context;
  say(`${name}: compiling ours`);
  const ours = await createInference(gpu, setup);
  const expected = await ours.infer();
  if (context.profiler) await context.profiler.add(name, await ours.profile(), (line) => console.log(line));
  const what = { name, group: "inference", network: setup.network, batch: setup.n, flops: ours.flops } as const;
  return contest(context, what, entryOf(ours), async (peer) => {
    if (!peer.createInference) return undefined;
    say(`  preparing ${peer.name} ${peer.version}`);
    const theirs = await peer.createInference(gpu, setup);
    return checked(entryOf(theirs), async () => {
      const actual = await theirs.infer();
      requireBelow(peer.name, `${name}: class`, relativeError([[actual.malignant, expected.malignant]]), BAR);
      if (!expected.mask) return;
      requireBelow(peer.name, `${name}: mask`, relativeError([[actual.mask ?? [], expected.mask]]), BAR);
    });
  });
}

const entryOf = (implementation: InferenceImplementation) => ({
  async run(times: number) {
    for (let i = 0; i < times; i++) await implementation.infer();
  },
  destroy: () => implementation.destroy(),
});
