/** Mask-Guided Attention: descriptor, channel weights and enhancement in one kernel, and all their gradients in another. */
import type { ThreadGrid } from "../../shaders/lib/thread.ts";
import type { Lanes } from "../../shaders/lib/vec.ts";
import { mgaForward, mgaGrad, usesChannels, usesMap, type Fusion } from "../../shaders/mga.wgsl.ts";
import {
  gateAttention,
  gateFields,
  gateFirstGrad,
  gateHidden,
  gateLogitsGrad,
  gateSecondGrad,
} from "../../shaders/mga_gate.wgsl.ts";
import { alongFirst, f32, input, output, scratch, type Kernel, type OperandRef } from "./kernel.ts";
import { perThread, threadDispatch } from "./per-thread.ts";
import { lanesOf, runsOf, spatialRunsDispatch, spatialSumDispatches } from "./reduce.ts";
import { pixelRuns } from "./spread.ts";

export { usesChannels, type Fusion };

const mgaSize = (f: readonly number[]) => ({
  ...pixelRuns("mga", f),
  ...{ map: f32(...f.slice(0, 3), 1), all: f32(...f) },
});

/** The gate's dispatches for features f and `hidden` hidden ones. */
function gateOf(f: readonly number[], hidden: number) {
  const { lanes, n, c, pixels } = mgaSize(f);
  const hiddenLanes = lanesOf(hidden);
  const sizes = { hidden, hiddenQuads: hidden / hiddenLanes, channels: c, quads: c / lanes };
  const values = { samples: n, ...sizes, runs: runsOf(pixels), pixels };
  const params = gateFields.map((name) => values[name]);
  const dispatch = (label: string, items: number, bindings: readonly OperandRef[], code: (threads: number) => string) =>
    threadDispatch(`mga.${label}`, items, bindings, ({ threads }: ThreadGrid) => code(threads), params);
  const inQuads = (code: (threads: number, lanes: Lanes) => string) => (threads: number) => code(threads, lanes);
  const features = n * sizes.quads;
  const firstItems = n * c + (c + 1) * sizes.hiddenQuads;
  const secondItems = n * hidden + (hidden + 1) * sizes.quads;
  type Refs = readonly OperandRef[];
  return {
    hidden: (bindings: Refs) => dispatch("hidden", n * hidden, bindings, gateHidden),
    attention: (bindings: Refs) => dispatch("attention", features, bindings, inQuads(gateAttention)),
    logitsGrad: (bindings: Refs) => dispatch("logitsGrad", features, bindings, inQuads(gateLogitsGrad)),
    secondGrad: (bindings: Refs) => dispatch("secondGrad", secondItems, bindings, inQuads(gateSecondGrad)),
    firstGrad: (bindings: Refs) =>
      dispatch("firstGrad", firstItems, bindings, (threads) => gateFirstGrad(threads, hiddenLanes)),
  };
}

/**
 * y of f's shape, p [N, C], h [N, R] and a [N, C] from f, m [N, H, W, 1], W1 [C, R], b1, W2 [R, C] and b2. In spatial fusion only y, from f and m.
 */
export function mgaKernel(f: readonly number[], hidden: number, fusion: Fusion): Kernel {
  const { lanes, n, c, blocks, params, map, all, pixels } = mgaSize(f);
  const name = "mga";
  const parts = alongFirst(f, (part) => mgaKernel(part, hidden, fusion));
  const code = ({ threads }: ThreadGrid) => mgaForward(threads, lanes, fusion);
  const spatial = { name, inputs: [all, map], outputs: [all], parts, traits: { cheap: true } };
  if (!usesChannels(fusion)) return perThread(spatial, blocks, code, params);
  const gate = gateOf(f, hidden);
  const [y, p, h, a] = [output(0), output(1), output(2), output(3)];
  const enhance = [input(0), ...(usesMap(fusion) ? [input(1)] : []), a, y];
  const runs = runsOf(pixels);
  return {
    ...spatial,
    inputs: [all, map, f32(c, hidden), f32(hidden), f32(hidden, c), f32(c)],
    outputs: [all, f32(n, c), f32(n, hidden), f32(n, c)],
    updates: [],
    flops: 0,
    lower: () => [
      {
        variant: "plain",
        scratch: runs > 1 ? [4 * n * c * runs] : [],
        dispatches: [
          ...spatialSumDispatches("mga.mean", f, "map", [input(0), input(1)], { part: scratch(0), to: p }, 1 / pixels),
          gate.hidden([p, input(2), input(3), h]),
          gate.attention([h, input(4), input(5), a]),
          threadDispatch(name, blocks, enhance, code, params),
        ],
      },
    ],
  };
}

/** df, dm, dW1, db1, dW2 and db2 from f, m, dy, p, h, a, W1 and W2. In spatial fusion df and dm from f, m and dy. */
export function mgaGradKernel(f: readonly number[], hidden: number, fusion: Fusion): Kernel {
  const { lanes, n, c, params, map, all, pixels } = mgaSize(f);
  const name = "mga.grad";
  const parts = alongFirst(f, (part) => mgaGradKernel(part, hidden, fusion));
  const code = ({ threads }: ThreadGrid) => mgaGrad(threads, lanes, fusion);
  const [inF, inM, dy] = [input(0), input(1), input(2)];
  const last = (gate: readonly OperandRef[]) =>
    threadDispatch(name, n * pixels, [inF, dy, inM, ...gate, output(0), output(1)], code, params);
  const spatial = { name, inputs: [all, map, all], outputs: [all, map], updates: [], flops: 0, parts };
  if (!usesChannels(fusion)) {
    return { ...spatial, lower: () => [{ variant: "plain", scratch: [], dispatches: [last([])] }] };
  }
  const [p, h, a, w1, w2] = [input(3), input(4), input(5), input(6), input(7)];
  const [part, z2, z1, g] = [scratch(0), scratch(1), scratch(2), scratch(3)];
  const weighted = fusion === "serial";
  const gate = gateOf(f, hidden);
  const weights = [f32(c, hidden), f32(hidden), f32(hidden, c), f32(c)] as const;
  return {
    ...spatial,
    inputs: [all, map, all, f32(n, c), f32(n, hidden), f32(n, c), weights[0], weights[2]],
    outputs: [all, map, ...weights],
    lower: () => [
      {
        variant: "plain",
        scratch: [4 * n * c * runsOf(pixels), 4 * n * c, 4 * n * hidden, 4 * n * c],
        dispatches: [
          weighted
            ? spatialRunsDispatch("mga.attentionGrad", f, "weighted", [inF, dy, inM], part)
            : spatialRunsDispatch("mga.attentionGrad", f, "product", [inF, dy], part),
          gate.logitsGrad([part, a, z2]),
          gate.secondGrad([z2, h, w2, z1, output(4), output(5)]),
          gate.firstGrad([z1, p, w1, g, output(2), output(3)]),
          last([a, g]),
        ],
      },
    ],
  };
}
