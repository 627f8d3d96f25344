/** Activations multiplied by factors of samples, channels or pixels; mean and maximum over the channels. */
import { meanMax, meanMaxGrad, rowDots, scaleChannels, scaleRuns } from "../../shaders/gating.wgsl.ts";
import { alongFirst, f32, nhwc, requireShape, sameShape, showShape, sizeOf, u32, type Kernel } from "./kernel.ts";
import { perThread } from "./per-thread.ts";
import { lanesOf } from "./reduce.ts";

const requireFactors = (op: string, x: readonly number[], s: readonly number[], expected: readonly number[]) =>
  requireShape(
    sameShape(s, expected),
    () => `${op}: input ${showShape(x)} needs factors ${showShape(expected)}, got ${showShape(s)}`,
  );

/** y = x s, of x [N, ...] in rows that share a factor each. */
function scaleRunsKernel(
  name: string,
  x: readonly number[],
  s: readonly number[],
  of: (x: readonly number[]) => Kernel,
) {
  const row = sizeOf(x) / sizeOf(s);
  const lanes = lanesOf(row);
  const kernel = {
    name,
    inputs: [f32(...x), f32(...s)],
    outputs: [f32(...x)],
    parts: alongFirst(x, of),
    traits: { cheap: true },
  };
  return perThread(kernel, sizeOf(x) / lanes, ({ threads }) => scaleRuns(threads, lanes), [row / lanes]);
}

/** y [N, ...] = x [N, ...] s [N]. @throws ShapeError */
export function mulSamplesKernel(x: readonly number[], s: readonly number[]): Kernel {
  requireFactors("mulSamples", x, s, [x[0]!]);
  return scaleRunsKernel("mulSamples", x, s, (part) => mulSamplesKernel(part, [part[0]!]));
}

/** y [N, H, W, C] = x [N, H, W, C] m [N, H, W, 1]. @throws ShapeError */
export function mulMapKernel(x: readonly number[], m: readonly number[]): Kernel {
  const [, h, w] = nhwc("mulMap", x);
  requireFactors("mulMap", x, m, [x[0]!, h, w, 1]);
  return scaleRunsKernel("mulMap", x, m, (part) => mulMapKernel(part, [part[0]!, h, w, 1]));
}

/** y [N, H, W, C] = x [N, H, W, C] s [N, C]. @throws ShapeError */
export function mulChannelsKernel(x: readonly number[], s: readonly number[]): Kernel {
  const [n, h, w, c] = nhwc("mulChannels", x);
  requireFactors("mulChannels", x, s, [n, c]);
  const lanes = lanesOf(c);
  const quads = c / lanes;
  const kernel = {
    name: "mulChannels",
    inputs: [f32(...x), f32(...s)],
    outputs: [f32(...x)],
    parts: alongFirst(x, (part) => mulChannelsKernel(part, [part[0]!, c])),
    traits: { cheap: true },
  };
  const code = ({ threads }: { threads: number }) => scaleChannels(threads, lanes);
  return perThread(kernel, n * h * w * quads, code, [quads, h * w * quads]);
}

/** Sizes of the kernels with a row of channels per pixel. */
function pixelsOf(op: string, x: readonly number[]) {
  const [n, h, w, c] = nhwc(op, x);
  const lanes = lanesOf(c);
  return { n, h, w, lanes, rows: n * h * w, params: [c / lanes, n * h * w] };
}

/** y [N, H, W, 1] = the sum over the channels of x g, both [N, H, W, C]. */
export function channelDotKernel(name: string, x: readonly number[]): Kernel {
  const { n, h, w, lanes, rows, params } = pixelsOf(name, x);
  const parts = alongFirst(x, (part) => channelDotKernel(name, part));
  const kernel = { name, inputs: [f32(...x), f32(...x)], outputs: [f32(n, h, w, 1)], parts };
  return perThread(kernel, rows, ({ threads }) => rowDots(threads, lanes), params);
}

/** y [N, H, W, 2], mean and maximum over the channels of x [N, H, W, C], and the maximum's first index, u32 [N, H, W, 1]. @throws ShapeError */
export function channelMeanMaxKernel(x: readonly number[]): Kernel {
  const { n, h, w, lanes, rows, params } = pixelsOf("channelMeanMax", x);
  const parts = alongFirst(x, channelMeanMaxKernel);
  const kernel = { name: "channelMeanMax", inputs: [f32(...x)], outputs: [f32(n, h, w, 2), u32(n, h, w, 1)], parts };
  return perThread(kernel, rows, ({ threads }) => meanMax(threads, lanes), params);
}

/** dx from dy and the indices. */
export function channelMeanMaxGradKernel(x: readonly number[]): Kernel {
  const { n, h, w, lanes, params } = pixelsOf("channelMeanMax", x);
  const parts = alongFirst(x, channelMeanMaxGradKernel);
  const inputs = [f32(n, h, w, 2), u32(n, h, w, 1)];
  const kernel = { name: "channelMeanMax.inputGrad", inputs, outputs: [f32(...x)], parts };
  return perThread(kernel, sizeOf(x) / lanes, ({ threads }) => meanMaxGrad(threads, lanes), params);
}
