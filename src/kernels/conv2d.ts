/** Convolution: shapes, cost, and the variants of its three passes. Activations NHWC, weights HWIO. */
import { convParams, type Conv2dShape } from "../../shaders/lib/conv.ts";
import type { ThreadGrid } from "../../shaders/lib/thread.ts";
import { conv2dPlainForward, conv2dPlainInputGrad, conv2dPlainWeightGrad } from "../../shaders/conv2d_plain.wgsl.ts";
import { fastestFirst } from "./conv2d-order.ts";
import { subgroupForward, subgroupInputGrad, subgroupWeightGrad } from "./conv2d-subgroup.ts";
import { depthwiseForward, depthwiseInputGrad, depthwiseWeightGrad } from "./conv2d-depthwise.ts";
import { tiledForward, tiledInputGrad, tiledWeightGrad } from "./conv2d-tiled.ts";
import { f32, input, nhwc, output, requireShape, showShape, type Kernel } from "./kernel.ts";
import { single, threadDispatch } from "./per-thread.ts";
import { winogradForward, winogradInputGrad, winogradWeightGrad } from "./winograd.ts";

/** Names and defaults as in PyTorch's Conv2d; a number stands for both directions. */
export interface Conv2dOptions {
  stride?: number | readonly [number, number];
  padding?: number | readonly [number, number];
  dilation?: number | readonly [number, number];
  groups?: number;
}

const pair = (value: number | readonly [number, number] | undefined, otherwise: number): [number, number] =>
  typeof value === "object" ? [...value] : [value ?? otherwise, value ?? otherwise];

/**
 * The sizes of a convolution of x [N, H, W, Ci] with weight [KH, KW, Ci / groups, Co].
 * @throws ShapeError when they do not fit each other
 */
export function conv2dShape(x: readonly number[], weight: readonly number[], options: Conv2dOptions = {}): Conv2dShape {
  const [n, h, w, ci] = nhwc("conv2d", x);
  requireShape(weight.length === 4, () => `conv2d: expected a weight [KH, KW, Ci, Co], got ${showShape(weight)}`);
  const [kh, kw, perGroup, co] = weight as [number, number, number, number];
  const [stride, padding, dilation] = [pair(options.stride, 1), pair(options.padding, 0), pair(options.dilation, 1)];
  const groups = options.groups ?? 1;
  requireShape(
    ci === perGroup * groups && co % groups === 0,
    () => `conv2d: input ${showShape(x)} and weight ${showShape(weight)} do not fit with groups ${groups}`,
  );
  const size = (i: 0 | 1, length: number, k: number) =>
    Math.floor((length + 2 * padding[i] - dilation[i] * (k - 1) - 1) / stride[i]) + 1;
  const [oh, ow] = [size(0, h, kh), size(1, w, kw)];
  requireShape(
    oh > 0 && ow > 0,
    () => `conv2d: the kernel of weight ${showShape(weight)} does not fit into input ${showShape(x)}`,
  );
  return { n, h, w, ci, oh, ow, co, kh, kw, stride, padding, dilation, groups };
}

const inputSpec = (s: Conv2dShape) => f32(s.n, s.h, s.w, s.ci);
const weightSpec = (s: Conv2dShape) => f32(s.kh, s.kw, s.ci / s.groups, s.co);
const outputSpec = (s: Conv2dShape) => f32(s.n, s.oh, s.ow, s.co);
const flopsOf = (s: Conv2dShape) => (2 * s.n * s.oh * s.ow * s.co * s.kh * s.kw * s.ci) / s.groups;

/** y = conv2d(x, weight) (+ bias [Co]). */
export function conv2dForward(s: Conv2dShape, bias: boolean): Kernel {
  const bindings = bias ? [input(0), input(1), input(2), output(0)] : [input(0), input(1), output(0)];
  const code = ({ threads }: ThreadGrid) => conv2dPlainForward(s, bias, threads);
  return {
    name: "conv2d",
    inputs: bias ? [inputSpec(s), weightSpec(s), f32(s.co)] : [inputSpec(s), weightSpec(s)],
    outputs: [outputSpec(s)],
    updates: [],
    flops: flopsOf(s),
    lower: (caps) => [
      ...fastestFirst("forward", s, caps, [
        ...subgroupForward(s, bias, caps),
        ...depthwiseForward(s, bias),
        ...tiledForward(s, bias, caps),
        ...winogradForward(s, bias, caps),
      ]),
      single("plain", threadDispatch("conv2d", s.n * s.oh * s.ow * s.co, bindings, code, convParams(s))),
    ],
  };
}

/** dx from dy and weight. */
export function conv2dInputGrad(s: Conv2dShape): Kernel {
  const label = "conv2d.inputGrad";
  const bindings = [input(0), input(1), output(0)];
  const code = ({ threads }: ThreadGrid) => conv2dPlainInputGrad(s, threads);
  return {
    name: label,
    inputs: [outputSpec(s), weightSpec(s)],
    outputs: [inputSpec(s)],
    updates: [],
    flops: flopsOf(s),
    lower: (caps) => [
      ...fastestFirst("inputGrad", s, caps, [
        ...subgroupInputGrad(s, caps),
        ...depthwiseInputGrad(s),
        ...tiledInputGrad(s, caps),
        ...winogradInputGrad(s, caps),
      ]),
      single("plain", threadDispatch(label, s.n * s.h * s.w * s.ci, bindings, code, convParams(s))),
    ],
  };
}

/** dweight from x and dy. */
export function conv2dWeightGrad(s: Conv2dShape): Kernel {
  const label = "conv2d.weightGrad";
  const bindings = [input(0), input(1), output(0)];
  const items = (s.kh * s.kw * s.ci * s.co) / s.groups;
  const code = ({ threads }: ThreadGrid) => conv2dPlainWeightGrad(s, threads);
  return {
    name: label,
    inputs: [inputSpec(s), outputSpec(s)],
    outputs: [weightSpec(s)],
    updates: [],
    flops: flopsOf(s),
    lower: (caps) => [
      ...fastestFirst("weightGrad", s, caps, [
        ...subgroupWeightGrad(s, caps),
        ...depthwiseWeightGrad(s, caps),
        ...tiledWeightGrad(s, caps),
        ...winogradWeightGrad(s, caps),
      ]),
      single("plain", threadDispatch(label, items, bindings, code, convParams(s))),
    ],
  };
}
