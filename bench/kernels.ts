/** Group "kernel": one kernel of MGA-Net at a time. */
import { checked, contest, type BenchContext } from "./contest.ts";
import { namedError, requireBelow } from "./equality.ts";
import { batchOf, flopsOf, nameOf, type KernelCase } from "./kernels/case.ts";
import { dataOf } from "./kernels/data.ts";
import { createKernel } from "./ours/kernels.ts";
import type { Result } from "./results.ts";

/** The relative L2 error that each of a kernel's results may have, ours being the standard. */
const KERNEL_BAR = 1e-4;

/** @throws EqualityError if a peer does not compute the same */
export async function benchKernel(context: BenchContext, c: KernelCase): Promise<Result> {
  const { gpu, say } = context;
  const name = nameOf(c);
  say(name);
  const operands = dataOf(c);
  const ours = await createKernel(gpu, c, operands);
  const expected = await ours.results();
  const what = { name, group: "kernel", batch: batchOf(c), flops: flopsOf(c), bytes: ours.bytes } as const;
  return contest(context, what, ours, async (peer) => {
    if (!peer.createKernel || !(peer.covers?.(c) ?? true)) return undefined;
    const theirs = await peer.createKernel(gpu, c, operands);
    return checked(theirs, async () => {
      const actual = await theirs.results();
      for (const [result, values] of expected) {
        const error = namedError(actual, new Map([[result, values]]));
        requireBelow(peer.name, `${name}: ${result}`, error, KERNEL_BAR);
      }
    });
  });
}
