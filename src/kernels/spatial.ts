/** Max pooling, bilinear resize, channel concatenation and slices. Activations NHWC. */
import { concatChannels, sliceChannels } from "../../shaders/channels.wgsl.ts";
import {
  double,
  doubleGrad,
  interpolate,
  interpolateFields,
  interpolateGrad,
  interpolateMap,
  MAP_ROWS_PER_THREAD,
  SHRINK_MAP_ROWS_PER_THREAD,
  shrinkGrad,
  shrinkMapGrad,
} from "../../shaders/interpolate.wgsl.ts";
import { maxPool, maxPoolGrad } from "../../shaders/max_pool.wgsl.ts";
import type { ThreadGrid } from "../../shaders/lib/thread.ts";
import type { Lanes } from "../../shaders/lib/vec.ts";
import { floatBits } from "../../shaders/lib/params.ts";
import { ceilDiv, THREADS } from "./grid.ts";
import {
  alongFirst,
  f32,
  input,
  nhwc,
  output,
  requireShape,
  requireWhole,
  showShape,
  sizeOf,
  u32,
  type Channels,
  type Kernel,
} from "./kernel.ts";
import { perThread, single, threadDispatch } from "./per-thread.ts";
import { lanesOf } from "./reduce.ts";

export interface MaxPoolOptions {
  kernel: number;
  stride: number;
  padding: number;
}

function maxPoolSize(x: readonly number[], { kernel, stride, padding }: MaxPoolOptions) {
  const [n, h, w, c] = nhwc("maxPool2d", x);
  requireWhole("maxPool2d", "kernel", kernel, 1);
  requireWhole("maxPool2d", "stride", stride, 1);
  requireWhole("maxPool2d", "padding", padding, 0);
  requireShape(padding * 2 <= kernel, () => `maxPool2d: padding ${padding} is more than half of the kernel ${kernel}`);
  const size = (length: number) => Math.floor((length + 2 * padding - kernel) / stride) + 1;
  const [oh, ow] = [size(h), size(w)];
  requireShape(oh > 0 && ow > 0, () => `maxPool2d: a kernel of ${kernel} does not fit into input ${showShape(x)}`);
  const lanes = lanesOf(c);
  return { y: [n, oh, ow, c], size: { h, w, oh, ow, quads: c / lanes, lanes, kernel, stride, padding } };
}

/** y [N, OH, OW, C] and the index of each window's first maximum (u32, same shape), from x [N, H, W, C]. */
export function maxPoolKernel(x: readonly number[], options: MaxPoolOptions): Kernel {
  const { y, size } = maxPoolSize(x, options);
  const parts = alongFirst(x, (part) => maxPoolKernel(part, options));
  const kernel = { name: "maxPool2d", inputs: [f32(...x)], outputs: [f32(...y), u32(...y)], parts };
  return perThread(kernel, sizeOf(y) / size.lanes, (grid) => maxPool(size, grid));
}

/** dx from dy and the indices. */
export function maxPoolGradKernel(x: readonly number[], options: MaxPoolOptions): Kernel {
  const { y, size } = maxPoolSize(x, options);
  const parts = alongFirst(x, (part) => maxPoolGradKernel(part, options));
  const kernel = { name: "maxPool2d.inputGrad", inputs: [f32(...y), u32(...y)], outputs: [f32(...x)], parts };
  return perThread(kernel, sizeOf(x) / size.lanes, (grid) => maxPoolGrad(size, grid));
}

/** A kernel of resizing; `of` is the shape of its result. */
function interpolateKernelOf(
  name: string,
  x: readonly number[],
  [oh, ow]: readonly [number, number],
  backward: boolean,
): Kernel {
  const [n, h, w, c] = nhwc("interpolate", x);
  requireShape(
    [oh, ow].every((length) => Number.isSafeInteger(length) && length > 0),
    () => `interpolate: ${showShape(x)} cannot be resized to ${oh}×${ow}`,
  );
  const lanes = lanesOf(c);
  const quads = c / lanes;
  const y = [n, oh, ow, c];
  const values = { h, w, oh, ow, quads, ratioY: floatBits(h / oh), ratioX: floatBits(w / ow) };
  const params = interpolateFields.map((field) => values[field]);
  const of = (part: readonly number[]) => interpolateKernelOf(name, part, [oh, ow], backward);
  const lowering = (
    variant: string,
    code: (threads: number, lanes: Lanes) => string,
    [rows, columns]: [number, number],
  ) => {
    const workgroups = [ceilDiv(columns * quads, THREADS), rows, n] as const;
    return single(variant, {
      label: name,
      code: code(THREADS, lanes),
      bindings: [input(0), output(0)],
      params,
      workgroups,
    });
  };
  const map = !backward && c === 1 && ow % 4 === 0;
  const shrinks = backward && 2 * oh <= h && 2 * ow <= w;
  const doubles = oh === 2 * h && ow === 2 * w;
  const variants = [
    ...(doubles
      ? [backward ? lowering("double", doubleGrad, [h, ceilDiv(w, 2)]) : lowering("double", double, [h + 1, w + 1])]
      : []),
    ...(map && !doubles ? [lowering("map", interpolateMap, [ceilDiv(oh, MAP_ROWS_PER_THREAD), ow / 4])] : []),
    ...(shrinks && c === 1 && w % 4 === 0
      ? [lowering("shrinkMap", shrinkMapGrad, [ceilDiv(h, SHRINK_MAP_ROWS_PER_THREAD), w / 4])]
      : []),
    ...(shrinks ? [lowering("shrink", shrinkGrad, [h, w])] : []),
    backward ? lowering("plain", interpolateGrad, [h, w]) : lowering("plain", interpolate, [oh, ow]),
  ];
  return {
    name,
    inputs: [f32(...(backward ? y : x))],
    outputs: [f32(...(backward ? x : y))],
    updates: [],
    flops: 0,
    traits: { cheap: true, ...(doubles && !backward ? { assembly: { sources: [{ shape: x, enlarge: of }] } } : {}) },
    parts: alongFirst(x, of),
    lower: () => variants,
  };
}

/** y [N, OH, OW, C] from x [N, H, W, C]. */
export const interpolateKernel = (x: readonly number[], to: readonly [number, number]): Kernel =>
  interpolateKernelOf("interpolate", x, to, false);

/** dx [N, H, W, C] from dy [N, OH, OW, C]. */
export const interpolateGradKernel = (x: readonly number[], to: readonly [number, number]): Kernel =>
  interpolateKernelOf("interpolate.inputGrad", x, to, true);

/** y [N, H, W, sum of C] from inputs that agree in N, H, W. */
export function concatKernel(shapes: readonly (readonly number[])[]): Kernel {
  requireShape(shapes.length > 0, () => "cat: no tensors were given");
  const [n, h, w] = nhwc("cat", shapes[0]!);
  for (const shape of shapes) {
    nhwc("cat", shape);
    requireShape(
      shape[0] === n && shape[1] === h && shape[2] === w,
      () => `cat: ${shapes.map(showShape).join(" and ")} differ in more than their channels`,
    );
  }
  const channels = shapes.map((s) => s[3]!);
  const total = channels.reduce((a, b) => a + b, 0);
  const lanes = channels.every((c) => c % 4 === 0) ? 4 : 1;
  const parts = alongFirst([n], ([units]) => concatKernel(shapes.map((s) => [units!, ...s.slice(1)])));
  const kernel = {
    name: "cat",
    inputs: shapes.map((s) => f32(...s)),
    outputs: [f32(n, h, w, total)],
    parts,
    traits: { cheap: true, assembly: { sources: shapes.map((shape) => ({ shape })), concat: concatKernel } },
  };
  const quads = channels.map((c) => c / lanes);
  const code = ({ threads }: ThreadGrid) => concatChannels(threads, lanes, channels.length);
  return perThread(kernel, (n * h * w * total) / lanes, code, [total / lanes, ...quads]);
}

/** The offset at which each of these runs of channels begins. */
export function offsetsOf(channels: readonly number[]): Channels[] {
  let end = 0;
  return channels.map((take) => ({ offset: (end += take) - take, take }));
}

/** For each [offset, take) of `parts`, y [N, H, W, take]: those channels of x [N, H, W, C]. */
export function sliceKernel(x: readonly number[], parts: readonly Channels[]): Kernel {
  const [n, h, w, c] = nhwc("split", x);
  for (const { offset, take } of parts) {
    requireShape(
      Number.isSafeInteger(take) && offset >= 0 && take > 0 && offset + take <= c,
      () => `split: channels ${offset} to ${offset + take} are not in ${showShape(x)}`,
    );
  }
  return {
    name: "split",
    ...(parts.length === 1 ? { traits: { slice: { ...parts[0]!, of: sliceKernel } } } : {}),
    inputs: [f32(...x)],
    outputs: parts.map(({ take }) => f32(n, h, w, take)),
    updates: [],
    flops: 0,
    parts: alongFirst(x, (part) => sliceKernel(part, parts)),
    lower() {
      const dispatches = parts.map(({ offset, take }, i) => {
        const lanes = [c, offset, take].every((k) => k % 4 === 0) ? 4 : 1;
        const code = ({ threads }: ThreadGrid) => sliceChannels(threads, lanes);
        const params = [c / lanes, take / lanes, offset / lanes];
        return threadDispatch("split", (n * h * w * take) / lanes, [input(0), output(i)], code, params);
      });
      return [{ variant: "plain", scratch: [], dispatches }];
    },
  };
}
