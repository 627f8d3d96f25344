/** Min-max normalisation of each sample, and its gradient. */
import { floatBits } from "../../shaders/lib/params.ts";
import type { ThreadGrid } from "../../shaders/lib/thread.ts";
import {
  minMaxApply,
  minMaxFields,
  minMaxGradApply,
  minMaxGradRuns,
  minMaxMerge,
  minMaxRuns,
} from "../../shaders/minmax.wgsl.ts";
import { minMaxGradSubgroup, minMaxSubgroup } from "../../shaders/minmax_subgroup.wgsl.ts";
import type { Capabilities } from "../gpu/capabilities.ts";
import { ceilDiv } from "./grid.ts";
import {
  alongFirst,
  f32,
  input,
  output,
  scratch,
  sizeOf,
  type Kernel,
  type Lowering,
  type OperandRef,
} from "./kernel.ts";
import { perSubgroup } from "./per-subgroup.ts";
import { threadDispatch } from "./per-thread.ts";
import { sumPartsDispatch } from "./reduce.ts";

const forThreads =
  (code: (threads: number) => string) =>
  ({ threads }: ThreadGrid): string =>
    code(threads);

function minMaxSize(x: readonly number[], eps: number) {
  const samples = x[0]!;
  const pixels = sizeOf(x) / samples;
  const run = ceilDiv(pixels, Math.max(1, Math.min(64, Math.floor(pixels / 64))));
  const runs = ceilDiv(pixels, run);
  const values = { samples, pixels, runs, run, eps: floatBits(eps) };
  return { samples, runs, params: minMaxFields.map((name) => values[name]) };
}

/** Elements per sample up to which one subgroup is faster than three dispatches; a guess for GPUs. */
const mostElements = ({ adapterClass }: Capabilities): number => (adapterClass === "software" ? 16_384 : 2048);

/** The one-dispatch lowering by subgroups, where the adapter has them and the samples are small. */
function bySubgroups(
  caps: Capabilities,
  x: readonly number[],
  label: string,
  bindings: readonly OperandRef[],
  code: (subgroup: number) => string,
  params: readonly number[],
): Lowering[] {
  const samples = x[0]!;
  if (sizeOf(x) / samples > mostElements(caps)) return [];
  return perSubgroup(caps, samples, { label, bindings, params }, code);
}

/** y of x's shape and stats [N, 4] from x [N, ...]: each sample scaled to [0, 1]. */
export function minMaxKernel(x: readonly number[], eps: number): Kernel {
  const { samples, runs, params } = minMaxSize(x, eps);
  return {
    name: "minmax",
    inputs: [f32(...x)],
    outputs: [f32(...x), f32(samples, 4)],
    updates: [],
    flops: 0,
    parts: alongFirst(x, (part) => minMaxKernel(part, eps)),
    lower: ({ caps }) => [
      ...bySubgroups(caps, x, "minmax", [input(0), output(1), output(0)], minMaxSubgroup, params),
      {
        variant: "plain",
        scratch: [16 * samples * runs],
        dispatches: [
          threadDispatch("minmax.runs", samples * runs, [input(0), scratch(0)], forThreads(minMaxRuns), params),
          threadDispatch("minmax.merge", samples, [scratch(0), output(1)], forThreads(minMaxMerge), params),
          threadDispatch("minmax", sizeOf(x), [input(0), output(1), output(0)], forThreads(minMaxApply), params),
        ],
      },
    ],
  };
}

/** dx from x, dy, y and stats. */
export function minMaxGradKernel(x: readonly number[], eps: number): Kernel {
  const sums = [input(1), input(2), scratch(0)];
  const operands = [input(0), input(1), input(3), scratch(1), output(0)];
  const all = [input(0), input(1), input(2), input(3), output(0)];
  const { samples, runs, params } = minMaxSize(x, eps);
  return {
    name: "minmax.grad",
    inputs: [f32(...x), f32(...x), f32(...x), f32(samples, 4)],
    outputs: [f32(...x)],
    updates: [],
    flops: 0,
    parts: alongFirst(x, (part) => minMaxGradKernel(part, eps)),
    lower: ({ caps }) => [
      ...bySubgroups(caps, x, "minmax.grad", all, minMaxGradSubgroup, params),
      {
        variant: "plain",
        scratch: [8 * samples * runs, 8 * samples],
        dispatches: [
          threadDispatch("minmax.gradRuns", samples * runs, sums, forThreads(minMaxGradRuns), params),
          sumPartsDispatch("minmax.gradSum", 2 * samples, runs, scratch(0), scratch(1)),
          threadDispatch("minmax.grad", sizeOf(x), operands, forThreads(minMaxGradApply), params),
        ],
      },
    ],
  };
}
