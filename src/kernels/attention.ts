/** Mask-Guided Attention: the enhancement, its descriptor and min-max normalisation, with their gradients. */
import { floatBits } from "../../shaders/lib/params.ts";
import type { ThreadGrid } from "../../shaders/lib/thread.ts";
import {
  maskedMeanGrad,
  mgaFields,
  mgaForward,
  mgaGrad,
  PIXELS_A_THREAD,
  spreadPixels,
  usesChannels,
  usesMap,
  type Fusion,
} from "../../shaders/mga.wgsl.ts";
import {
  minMaxApply,
  minMaxFields,
  minMaxGradApply,
  minMaxGradRuns,
  minMaxMerge,
  minMaxRuns,
} from "../../shaders/minmax.wgsl.ts";
import { ceilDiv } from "./grid.ts";
import {
  alongFirst,
  f32,
  input,
  nhwc,
  output,
  requireShape,
  sameShape,
  scratch,
  showShape,
  sizeOf,
  type Kernel,
} from "./kernel.ts";
import { perThread, threadDispatch } from "./per-thread.ts";
import { lanesOf, sumPartsDispatch } from "./reduce.ts";

export type { Fusion };

function mgaSize(op: string, f: readonly number[], factor = 1) {
  const [n, h, w, c] = nhwc(op, f);
  const lanes = lanesOf(c);
  const values = { pixels: h * w, quads: c / lanes, samples: n, factor: floatBits(factor) };
  return {
    lanes,
    n,
    c,
    params: mgaFields.map((name) => values[name]),
    /** Threads of the kernels that take some pixels of one vector of channels each. */
    blocks: (n * ceilDiv(h * w, PIXELS_A_THREAD) * c) / lanes,
    pixels: n * h * w,
  };
}

/** Throws unless m is a map [N, H, W, 1] for features f [N, H, W, C]. */
export function requireMap(op: string, f: readonly number[], m: readonly number[]): void {
  requireShape(
    sameShape(m, [...f.slice(0, 3), 1]),
    () => `${op}: a map ${showShape(m)} does not fit features ${showShape(f)}`,
  );
}

/** The operands besides f that a fusion uses: the map m [N, H, W, 1], the channel weights a [N, C]. */
const operandsOf = (fusion: Fusion, f: readonly number[]) => [
  ...(usesMap(fusion) ? [f32(f[0]!, f[1]!, f[2]!, 1)] : []),
  ...(usesChannels(fusion) ? [f32(f[0]!, f[3]!)] : []),
];

/** y of f's shape from f (, m) (, a). */
export function mgaForwardKernel(f: readonly number[], fusion: Fusion): Kernel {
  const { lanes, blocks, params } = mgaSize("mga", f);
  const inputs = [f32(...f), ...operandsOf(fusion, f)];
  const code = ({ threads }: ThreadGrid) => mgaForward(threads, lanes, fusion);
  const parts = alongFirst(f, (part) => mgaForwardKernel(part, fusion));
  return perThread({ name: "mga", inputs, outputs: [f32(...f)], parts, cheap: true }, blocks, code, params);
}

/** df (, dm) from f, dy (, m) (, a). */
export function mgaGradKernel(f: readonly number[], fusion: Fusion): Kernel {
  const { lanes, pixels, params } = mgaSize("mga", f);
  const inputs = [f32(...f), f32(...f), ...operandsOf(fusion, f)];
  const outputs = [f32(...f), ...(usesMap(fusion) ? [f32(f[0]!, f[1]!, f[2]!, 1)] : [])];
  const code = ({ threads }: ThreadGrid) => mgaGrad(threads, lanes, fusion);
  const parts = alongFirst(f, (part) => mgaGradKernel(part, fusion));
  return perThread({ name: "mga.grad", inputs, outputs, parts }, pixels, code, params);
}

/** df, dm from f, m, dp [N, C], where p is the mean of f m over the pixels. */
export function maskedMeanGradKernel(f: readonly number[]): Kernel {
  const { lanes, pixels, params, n, c } = mgaSize("maskedMean", f);
  const map = f32(f[0]!, f[1]!, f[2]!, 1);
  const parts = alongFirst(f, maskedMeanGradKernel);
  const kernel = { name: "maskedMean.grad", inputs: [f32(...f), map, f32(n, c)], outputs: [f32(...f), map], parts };
  return perThread(kernel, pixels, ({ threads }) => maskedMeanGrad(threads, lanes), params);
}

/** y [N, H, W, C] = factor * s [N, C], the same at every pixel. */
export function spreadKernel(y: readonly number[], factor: number): Kernel {
  const { lanes, blocks, params, n, c } = mgaSize("spread", y, factor);
  const parts = alongFirst(y, (part) => spreadKernel(part, factor));
  const kernel = { name: "spread", inputs: [f32(n, c)], outputs: [f32(...y)], parts };
  return perThread(kernel, blocks, ({ threads }) => spreadPixels(threads, lanes), params);
}

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
    lower: () => [
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
  const { samples, runs, params } = minMaxSize(x, eps);
  return {
    name: "minmax.grad",
    inputs: [f32(...x), f32(...x), f32(...x), f32(samples, 4)],
    outputs: [f32(...x)],
    updates: [],
    flops: 0,
    parts: alongFirst(x, (part) => minMaxGradKernel(part, eps)),
    lower: () => [
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
