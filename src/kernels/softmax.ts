/** Softmax over the last axis, with a scale and a bias, and its gradient. */
import { floatBits } from "../../shaders/lib/params.ts";
import {
  softmax,
  softmaxFields,
  softmaxInputGrad,
  softmaxInputGradSubgroup,
  softmaxSubgroup,
} from "../../shaders/softmax.wgsl.ts";
import { alongFirst, f32, input, output, sizeOf, type Kernel } from "./kernel.ts";
import { single, threadDispatch } from "./per-thread.ts";
import { lanesOf } from "./reduce.ts";
import { byTeams } from "./rows.ts";

function sizesOf(x: readonly number[], scale: number, bias: readonly number[] | undefined) {
  const columns = x.at(-1)!;
  const rows = sizeOf(x) / columns;
  const lanes = lanesOf(columns);
  const period = bias ? sizeOf(bias) / columns : 1;
  const values = { rows, quads: columns / lanes, scale: floatBits(scale), period };
  return { columns, rows, lanes, params: softmaxFields.map((name) => values[name]) };
}

/** y from x [N, ..., K] (and bias, whose shape is that of x's last axes, not the first). */
export function softmaxKernel(x: readonly number[], scale: number, bias?: readonly number[]): Kernel {
  const { columns, rows, lanes, params } = sizesOf(x, scale, bias);
  const label = "softmax";
  const biased = bias !== undefined;
  const bindings = [input(0), ...(biased ? [input(1)] : []), output(0)];
  return {
    name: label,
    inputs: [f32(...x), ...(bias ? [f32(...bias)] : [])],
    outputs: [f32(...x)],
    updates: [],
    flops: 0,
    traits: { cheap: true },
    parts: alongFirst(x, (part) => softmaxKernel(part, scale, bias)),
    lower: ({ caps }) => [
      ...byTeams(caps, rows, columns, { label, bindings, params }, (teams) => softmaxSubgroup(teams, lanes, biased)),
      single(
        "plain",
        threadDispatch(label, rows, bindings, ({ threads }) => softmax(threads, lanes, biased), params),
      ),
    ],
  };
}

/** dx from y and dy; with a scale of 1, what the bias receives before it is summed over what shares it. */
export function softmaxInputGradKernel(x: readonly number[], scale: number): Kernel {
  const { columns, rows, lanes, params } = sizesOf(x, scale, undefined);
  const label = "softmax.inputGrad";
  const bindings = [input(0), input(1), output(0)];
  return {
    name: label,
    inputs: [f32(...x), f32(...x)],
    outputs: [f32(...x)],
    updates: [],
    flops: 0,
    parts: alongFirst(x, (part) => softmaxInputGradKernel(part, scale)),
    lower: ({ caps }) => [
      ...byTeams(caps, rows, columns, { label, bindings, params }, (teams) => softmaxInputGradSubgroup(teams, lanes)),
      single(
        "plain",
        threadDispatch(label, rows, bindings, ({ threads }) => softmaxInputGrad(threads, lanes), params),
      ),
    ],
  };
}
