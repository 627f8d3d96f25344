/** Average pooling over windows, adaptive average pooling, and the maximum over all pixels. Activations NHWC. */
import { avgPool, avgPoolFields, avgPoolGrad } from "../../shaders/avg_pool.wgsl.ts";
import { globalMaxFields, globalMaxGrad, globalMaxMerge, globalMaxRuns } from "../../shaders/global_max.wgsl.ts";
import { ceilDiv } from "./grid.ts";
import {
  alongFirst,
  f32,
  input,
  nhwc,
  output,
  requireShape,
  requireWhole,
  scratch,
  showShape,
  sizeOf,
  u32,
  type Kernel,
} from "./kernel.ts";
import { perThread, threadDispatch } from "./per-thread.ts";
import { lanesOf, runsOf } from "./reduce.ts";

type Pair = readonly [number, number];

/** Height and width of each. */
export interface AvgPoolOptions {
  kernel: Pair;
  stride: Pair;
  padding: Pair;
}

/** In place of options that adaptive windows do not read. */
const unread: Pair = [0, 0];

const FIXED = "avgPool2d";
const ADAPTIVE = "adaptiveAvgPool2d";

/** The output's height and width. @throws ShapeError */
function pooledSize(x: readonly number[], { kernel, stride, padding }: AvgPoolOptions): Pair {
  const [, h, w] = nhwc(FIXED, x);
  const along = (axis: 0 | 1, length: number): number => {
    requireWhole(FIXED, "kernel", kernel[axis], 1);
    requireWhole(FIXED, "stride", stride[axis], 1);
    requireWhole(FIXED, "padding", padding[axis], 0);
    const [k, p] = [kernel[axis], padding[axis]];
    requireShape(p * 2 <= k, () => `${FIXED}: padding ${p} is more than half of the kernel ${k}`);
    return Math.floor((length + 2 * p - k) / stride[axis]) + 1;
  };
  const size: Pair = [along(0, h), along(1, w)];
  requireShape(
    size.every((length) => length > 0),
    () => `${FIXED}: a kernel of ${kernel.join("×")} does not fit into input ${showShape(x)}`,
  );
  return size;
}

/** y [N, OH, OW, C] from x, or dx from dy; `options` undefined: adaptive. */
function averageKernel(
  x: readonly number[],
  size: Pair,
  options: AvgPoolOptions | undefined,
  backward: boolean,
): Kernel {
  const op = options ? FIXED : ADAPTIVE;
  const [n, h, w, c] = nhwc(op, x);
  for (const length of size) requireWhole(op, "size", length, 1);
  const [oh, ow] = size;
  const lanes = lanesOf(c);
  const { kernel, stride, padding } = options ?? { kernel: unread, stride: unread, padding: unread };
  const [[kh, kw], [sh, sw], [ph, pw]] = [kernel, stride, padding];
  const values = { h, w, oh, ow, quads: c / lanes, kh, kw, sh, sw, ph, pw };
  const y = [n, oh, ow, c];
  const operands = {
    name: backward ? `${op}.inputGrad` : op,
    inputs: [f32(...(backward ? y : x))],
    outputs: [f32(...(backward ? x : y))],
    parts: alongFirst(x, (part) => averageKernel(part, size, options, backward)),
    traits: { cheap: true },
  };
  const adaptive = options === undefined;
  const code = ({ threads }: { threads: number }) => (backward ? avgPoolGrad : avgPool)(threads, lanes, adaptive);
  const params = avgPoolFields.map((name) => values[name]);
  return perThread(operands, sizeOf(backward ? x : y) / lanes, code, params);
}

/** y [N, OH, OW, C] from x [N, H, W, C]; the padding's zeros count. @throws ShapeError */
export const avgPoolKernel = (x: readonly number[], options: AvgPoolOptions): Kernel =>
  averageKernel(x, pooledSize(x, options), options, false);

/** dx from dy. */
export const avgPoolGradKernel = (x: readonly number[], options: AvgPoolOptions): Kernel =>
  averageKernel(x, pooledSize(x, options), options, true);

/** y [N, OH, OW, C] from x [N, H, W, C]. @throws ShapeError */
export const adaptiveAvgPoolKernel = (x: readonly number[], size: Pair): Kernel =>
  averageKernel(x, size, undefined, false);

/** dx from dy. */
export const adaptiveAvgPoolGradKernel = (x: readonly number[], size: Pair): Kernel =>
  averageKernel(x, size, undefined, true);

function globalMaxSize(x: readonly number[]) {
  const [n, h, w, c] = nhwc("globalMaxPool", x);
  const lanes = lanesOf(c);
  const runs = runsOf(h * w);
  const run = ceilDiv(h * w, runs);
  // Runs of equal length may be fewer.
  const values = { quads: c / lanes, samples: n, pixels: h * w, run, runs: ceilDiv(h * w, run) };
  return { n, c, lanes, runs: values.runs, params: globalMaxFields.map((name) => values[name]) };
}

/** y [N, C] and the first pixel of each maximum, u32 [N, C], from x [N, H, W, C]. @throws ShapeError */
export function globalMaxPoolKernel(x: readonly number[]): Kernel {
  const { n, c, lanes, runs, params } = globalMaxSize(x);
  const items = (n * c) / lanes;
  return {
    name: "globalMaxPool",
    inputs: [f32(...x)],
    outputs: [f32(n, c), u32(n, c)],
    updates: [],
    flops: 0,
    parts: alongFirst(x, globalMaxPoolKernel),
    lower() {
      const to = runs > 1 ? [scratch(0), scratch(1)] : [output(0), output(1)];
      const code = ({ threads }: { threads: number }) => globalMaxRuns(threads, lanes);
      const dispatches = [threadDispatch("globalMaxPool", runs * items, [input(0), ...to], code, params)];
      if (runs > 1) {
        const bindings = [scratch(0), scratch(1), output(0), output(1)];
        const merge = ({ threads }: { threads: number }) => globalMaxMerge(threads, lanes);
        dispatches.push(threadDispatch("globalMaxPool.merge", items, bindings, merge, params));
      }
      const bytes = 4 * n * c * runs;
      return [{ variant: "plain", scratch: runs > 1 ? [bytes, bytes] : [], dispatches }];
    },
  };
}

/** dx from dy and the pixels. */
export function globalMaxPoolGradKernel(x: readonly number[]): Kernel {
  const { n, c, lanes, params } = globalMaxSize(x);
  const parts = alongFirst(x, globalMaxPoolGradKernel);
  const kernel = { name: "globalMaxPool.inputGrad", inputs: [f32(n, c), u32(n, c)], outputs: [f32(...x)], parts };
  return perThread(kernel, sizeOf(x) / lanes, ({ threads }) => globalMaxGrad(threads, lanes), params);
}
