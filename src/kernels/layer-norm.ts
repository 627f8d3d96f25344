/** Layer normalisation of the last axis, and its gradients. */
import {
  layerNorm,
  layerNormFields,
  layerNormInputGrad,
  layerNormInputGradSubgroup,
  layerNormParameterGrads,
  layerNormSubgroup,
} from "../../shaders/layer_norm.wgsl.ts";
import { floatBits } from "../../shaders/lib/params.ts";
import { ceilDiv } from "./grid.ts";
import { alongFirst, f32, input, output, scratch, sizeOf, type Kernel, type OperandRef } from "./kernel.ts";
import { single, threadDispatch } from "./per-thread.ts";
import { lanesOf, sumPartsDispatch } from "./reduce.ts";
import { byTeams } from "./rows.ts";

/** Rows that are summed up one after another by one thread. */
const RUN_ROWS = 64;

function sizesOf(x: readonly number[], eps: number) {
  const channels = x.at(-1)!;
  const rows = sizeOf(x) / channels;
  const lanes = lanesOf(channels);
  const runs = Math.max(1, Math.min(256, Math.floor(rows / RUN_ROWS)));
  const run = ceilDiv(rows, runs);
  const values = { rows, quads: channels / lanes, eps: floatBits(eps), run };
  return { channels, rows, lanes, runs: ceilDiv(rows, run), params: layerNormFields.map((name) => values[name]) };
}

/** y, and mean and 1/deviation of each row, from x [..., C], weight [C] and bias [C]. */
export function layerNormKernel(x: readonly number[], eps: number): Kernel {
  const { channels, rows, lanes, params } = sizesOf(x, eps);
  const label = "layerNorm";
  const bindings = [input(0), input(1), input(2), output(0), output(1), output(2)];
  return {
    name: label,
    inputs: [f32(...x), f32(channels), f32(channels)],
    outputs: [f32(...x), f32(rows), f32(rows)],
    updates: [],
    flops: 0,
    traits: { cheap: true },
    parts: alongFirst([rows, channels], (part) => layerNormKernel(part, eps)),
    lower: ({ caps }) => [
      ...byTeams(caps, rows, channels, { label, bindings, params }, (teams) => layerNormSubgroup(teams, lanes)),
      single(
        "plain",
        threadDispatch(label, rows, bindings, ({ threads }) => layerNorm(threads, lanes), params),
      ),
    ],
  };
}

/** dx from dy, x, weight, means and 1/deviations. */
export function layerNormInputGradKernel(x: readonly number[]): Kernel {
  const { channels, rows, lanes, params } = sizesOf(x, 0);
  const label = "layerNorm.inputGrad";
  const bindings = [input(0), input(1), input(2), input(3), input(4), output(0)];
  return {
    name: label,
    inputs: [f32(...x), f32(...x), f32(channels), f32(rows), f32(rows)],
    outputs: [f32(...x)],
    updates: [],
    flops: 0,
    parts: alongFirst([rows, channels], layerNormInputGradKernel),
    lower: ({ caps }) => [
      ...byTeams(caps, rows, channels, { label, bindings, params }, (teams) =>
        layerNormInputGradSubgroup(teams, lanes),
      ),
      single(
        "plain",
        threadDispatch(label, rows, bindings, ({ threads }) => layerNormInputGrad(threads, lanes), params),
      ),
    ],
  };
}

/** dweight [C] and dbias [C] from dy, x, means and 1/deviations. */
export function layerNormParameterGradsKernel(x: readonly number[]): Kernel {
  const { channels, rows, lanes, runs, params } = sizesOf(x, 0);
  const label = "layerNorm.parameterGrads";
  const sums = (to: readonly OperandRef[]) =>
    threadDispatch(
      label,
      (runs * channels) / lanes,
      [input(0), input(1), input(2), input(3), ...to],
      ({ threads }) => layerNormParameterGrads(threads, lanes),
      params,
    );
  const add = (i: number) => sumPartsDispatch(`${label}.sum`, channels, runs, scratch(i), output(i));
  return {
    name: label,
    inputs: [f32(...x), f32(...x), f32(rows), f32(rows)],
    outputs: [f32(channels), f32(channels)],
    updates: [],
    flops: 0,
    parts: alongFirst([rows, channels], layerNormParameterGradsKernel),
    lower: () => [
      runs === 1
        ? single("plain", sums([output(0), output(1)]))
        : {
            variant: "plain",
            scratch: [4 * channels * runs, 4 * channels * runs],
            dispatches: [sums([scratch(0), scratch(1)]), add(0), add(1)],
          },
    ],
  };
}
