/** Mask-Guided Attention: the enhancement, its descriptor and min-max normalisation, with their gradients. */
import { maskedMeanGrad, mgaForward, mgaGrad, spreadPixels, usesChannels, usesMap } from "../../shaders/mga.wgsl.ts";
import type { Fusion, MgaSize } from "../../shaders/mga.wgsl.ts";
import {
  minMaxApply,
  minMaxGradApply,
  minMaxGradRuns,
  minMaxMerge,
  minMaxRuns,
  type MinMaxSize,
} from "../../shaders/minmax.wgsl.ts";
import { ceilDiv } from "./grid.ts";
import { f32, input, nhwc, output, requireShape, sameShape, scratch, showShape, sizeOf, type Kernel } from "./kernel.ts";
import { perThread, threadDispatch } from "./per-thread.ts";
import { lanesOf, sumPartsDispatch } from "./reduce.ts";

export type { Fusion };

function mgaSize(op: string, f: readonly number[]): { size: MgaSize; vectors: number; n: number; c: number } {
  const [n, h, w, c] = nhwc(op, f);
  const lanes = lanesOf(c);
  return { size: { pixels: h * w, quads: c / lanes, lanes }, vectors: sizeOf(f) / lanes, n, c };
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
  const { size, vectors } = mgaSize("mga", f);
  const inputs = [f32(...f), ...operandsOf(fusion, f)];
  return perThread({ name: "mga", inputs, outputs: [f32(...f)] }, vectors, (grid) => mgaForward(size, fusion, grid));
}

/** df (, dm) from f, dy (, m) (, a). */
export function mgaGradKernel(f: readonly number[], fusion: Fusion): Kernel {
  const { size, n } = mgaSize("mga", f);
  const inputs = [f32(...f), f32(...f), ...operandsOf(fusion, f)];
  const outputs = [f32(...f), ...(usesMap(fusion) ? [f32(f[0]!, f[1]!, f[2]!, 1)] : [])];
  return perThread({ name: "mga.grad", inputs, outputs }, n * size.pixels, (grid) => mgaGrad(size, fusion, grid));
}

/** df, dm from f, m, dp [N, C], where p is the mean of f m over the pixels. */
export function maskedMeanGradKernel(f: readonly number[]): Kernel {
  const { size, n, c } = mgaSize("maskedMean", f);
  const map = f32(f[0]!, f[1]!, f[2]!, 1);
  const kernel = { name: "maskedMean.grad", inputs: [f32(...f), map, f32(n, c)], outputs: [f32(...f), map] };
  return perThread(kernel, n * size.pixels, (grid) => maskedMeanGrad(size, grid));
}

/** y [N, H, W, C] = factor * s [N, C], the same at every pixel. */
export function spreadKernel(y: readonly number[], factor: number): Kernel {
  const { size, vectors, n, c } = mgaSize("spread", y);
  return perThread({ name: "spread", inputs: [f32(n, c)], outputs: [f32(...y)] }, vectors, (grid) =>
    spreadPixels(size, factor, grid),
  );
}

function minMaxSize(x: readonly number[], eps: number): MinMaxSize {
  const samples = x[0]!;
  const pixels = sizeOf(x) / samples;
  const runs = Math.max(1, Math.min(64, Math.floor(pixels / 64)));
  return { samples, pixels, runs: ceilDiv(pixels, ceilDiv(pixels, runs)), eps };
}

/** y of x's shape and stats [N, 4] from x [N, ...]: each sample scaled to [0, 1]. */
export function minMaxKernel(x: readonly number[], eps: number): Kernel {
  const size = minMaxSize(x, eps);
  const { samples, runs } = size;
  return {
    name: "minmax",
    inputs: [f32(...x)],
    outputs: [f32(...x), f32(samples, 4)],
    updates: [],
    flops: 0,
    lower: () => [
      {
        variant: "plain",
        scratch: [16 * samples * runs],
        dispatches: [
          threadDispatch("minmax.runs", samples * runs, [input(0), scratch(0)], (grid) => minMaxRuns(size, grid)),
          threadDispatch("minmax.merge", samples, [scratch(0), output(1)], (grid) => minMaxMerge(size, grid)),
          threadDispatch("minmax", sizeOf(x), [input(0), output(1), output(0)], (grid) => minMaxApply(size, grid)),
        ],
      },
    ],
  };
}

/** dx from x, dy, y and stats. */
export function minMaxGradKernel(x: readonly number[], eps: number): Kernel {
  const size = minMaxSize(x, eps);
  const { samples, runs } = size;
  return {
    name: "minmax.grad",
    inputs: [f32(...x), f32(...x), f32(...x), f32(samples, 4)],
    outputs: [f32(...x)],
    updates: [],
    flops: 0,
    lower: () => [
      {
        variant: "plain",
        scratch: [8 * samples * runs, 8 * samples],
        dispatches: [
          threadDispatch("minmax.gradRuns", samples * runs, [input(1), input(2), scratch(0)], (grid) =>
            minMaxGradRuns(size, grid),
          ),
          sumPartsDispatch("minmax.gradSum", 2 * samples, runs, scratch(0), scratch(1)),
          threadDispatch("minmax.grad", sizeOf(x), [input(0), input(1), input(3), scratch(1), output(0)], (grid) =>
            minMaxGradApply(size, grid),
          ),
        ],
      },
    ],
  };
}
