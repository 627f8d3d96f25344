/**
 * The kernels of a network's training step, each by itself on random numbers. No other library takes part: what is timed is what the plain
 * variant computes, which the tests compare with PyTorch.
 */
import { leastCapabilities } from "../src/gpu/capabilities.ts";
import { everyVariant } from "../src/kernels/every.ts";
import { bytesMoved, RELATIVE_TOLERANCE, type Kernel, type Spec } from "../src/kernels/kernel.ts";
import { matmulKernel } from "../src/kernels/matmul-forms.ts";
import { softmaxInputGradKernel, softmaxKernel } from "../src/kernels/softmax.ts";
import { buildModel } from "../src/train/build.ts";
import type { TrainConfig } from "../src/train/config.ts";
import { TrainingStep } from "../src/train/step.ts";
import { distance } from "../src/tune/trial.ts";
import { contest, type BenchContext } from "./contest.ts";
import { EqualityError } from "./equality.ts";
import { createOp } from "./ours/op.ts";
import type { Result } from "./results.ts";

export interface OpCase {
  /** As in the results. */
  readonly name: string;
  readonly kernel: Kernel;
  /** Images in the step. */
  readonly batch: number;
}

/** What is left out: kernels that move fewer bytes and compute fewer operations, which take less time than their launch. */
const LEAST = { bytes: 2 ** 16, flops: 1e6 };

/**
 * The distinct kernels of a step in which all of the network is trained, in order of execution, and those of which self-attention would consist
 * without one of its own. Adam's has a benchmark of its own.
 */
export function opCases(config: TrainConfig): OpCase[] {
  const { batch, size } = config;
  const kernels = TrainingStep.kernels(buildModel(config).phases.at(-1)!, { batch, size });
  const found = new Map<string, OpCase>();
  const namesakes = new Map<string, number>();
  for (const kernel of [...kernels, ...kernels.flatMap(attentionInSteps)]) {
    if (kernel.name === "adam" || (bytesMoved(kernel) < LEAST.bytes && kernel.flops < LEAST.flops)) continue;
    const name = nameOf(kernel);
    // What tells kernels of the same shapes apart is not the adapter's business.
    const { dispatches } = everyVariant(kernel, leastCapabilities).at(-1)!;
    const key = JSON.stringify([name, dispatches.map(({ code, params }) => [code, params])]);
    if (found.has(key)) continue;
    const count = (namesakes.get(name) ?? 0) + 1;
    namesakes.set(name, count);
    found.set(key, { name: count === 1 ? name : `${name}#${count}`, kernel, batch });
  }
  return [...found.values()];
}

/** Matrix products in their three forms and softmax of a kernel's self-attention, forward and backward; none of another kernel's. */
function attentionInSteps({ name, inputs, outputs }: Kernel): Kernel[] {
  if (name !== "selfAttention") return [];
  const [[samples, tokens, channels], [, heads]] = outputs.map(({ shape }) => shape) as [number[], number[]];
  const width = channels! / heads!;
  const scores = [samples!, heads!, tokens!, tokens!];
  const [pairs, vectors] = [[tokens!, tokens!], [tokens!, width]].map((matrix) => [samples! * heads!, ...matrix]) as [number[], number[]]; // prettier-ignore
  const scale = 1 / Math.sqrt(width);
  return [
    matmulKernel(vectors, vectors, { transposeA: false, transposeB: true }),
    softmaxKernel(scores, scale, inputs[1]?.shape),
    matmulKernel(pairs, vectors, { transposeA: false, transposeB: false }),
    matmulKernel(pairs, vectors, { transposeA: true, transposeB: false }),
    softmaxInputGradKernel(scores, scale),
  ];
}

/** "op/layerNorm/4608x32,32,32-4608x32,4608,4608": the operands' shapes. */
function nameOf({ name, inputs, outputs, updates }: Kernel): string {
  const show = (specs: readonly Spec[]) => specs.map(({ shape }) => shape.join("x")).join(",");
  return `op/${name}/${[show([...inputs, ...updates]), show(outputs)].filter(Boolean).join("-")}`;
}

/** @throws EqualityError if the variant that is timed computes something else than the plain one */
export async function benchOp(context: BenchContext, { name, kernel, batch }: OpCase): Promise<Result> {
  const { gpu, say } = context;
  say(name);
  const ours = await createOp(gpu, kernel);
  if (everyVariant(kernel, gpu.caps).length > 1) {
    const { tolerance = RELATIVE_TOLERANCE, canonical = (values) => values } = kernel;
    const plain = await createOp(gpu, kernel, { plain: true });
    const error = distance(canonical(await ours.results()), canonical(await plain.results()));
    plain.destroy();
    if (!(error <= tolerance)) {
      ours.destroy();
      throw new EqualityError(`${name}: relative error ${error.toExponential(1)} to the plain variant`);
    }
  }
  const what = { name, group: "kernel", batch, flops: kernel.flops, bytes: ours.bytes } as const;
  return contest({ ...context, peers: [] }, what, ours, () => Promise.resolve(undefined));
}
