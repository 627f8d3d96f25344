/** Convolution: shapes, cost, and the choice of tile for its three passes. Activations NHWC, weights HWIO. */
import type { Capabilities } from "../gpu/capabilities.ts";
import { convParams, type Conv2dShape } from "../../shaders/lib/conv.ts";
import type { ThreadGrid } from "../../shaders/lib/thread.ts";
import type { Lanes } from "../../shaders/lib/vec.ts";
import { conv2dPlainForward, conv2dPlainInputGrad, conv2dPlainWeightGrad } from "../../shaders/conv2d_plain.wgsl.ts";
import {
  conv2dSubgroupForward,
  conv2dSubgroupInputGrad,
  conv2dSubgroupWeightGrad,
} from "../../shaders/conv2d_subgroup.wgsl.ts";
import { ceilDiv, grid1d } from "./grid.ts";
import { single, threadDispatch } from "./per-thread.ts";
import { sumPartsDispatch } from "./reduce.ts";
import { f32, input, nhwc, output, requireShape, scratch, showShape, type Kernel, type Lowering } from "./kernel.ts";

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

/** Accumulators a lane, in f32. */
const ACCUMULATORS = 64;

/** The fewest columns a lane that let one subgroup span `columns`, among those that divide it; else the most. */
function columnsPerLane(columns: number, subgroup: number): Lanes {
  const fitting = ([1, 2, 4] as const).filter((lane) => columns % lane === 0);
  return fitting.find((lane) => lane * subgroup >= columns) ?? fitting.at(-1)!;
}

/** Rows a lane loads so that it has about ACCUMULATORS of them, but no more rows than there are pixels. */
function rowsPerLane(lane: Lanes, subgroup: number, pixels: number): number {
  const wanted = Math.floor(ACCUMULATORS / lane / subgroup);
  return Math.max(1, Math.min(wanted, lane === 1 ? 4 : 2, ceilDiv(pixels, subgroup)));
}

const usesSubgroups = (s: Conv2dShape, caps: Capabilities): caps is Capabilities & { subgroupSize: number } =>
  caps.subgroupSize !== undefined && s.groups === 1;

/** Tile and grid of the subgroup variants of forward pass and input gradient. */
function subgroupTile(subgroup: number, columns: number, depth: number, pixels: number, phases: number) {
  const lane = columnsPerLane(columns, subgroup);
  const rows = rowsPerLane(lane, subgroup, pixels);
  const [x, y] = grid1d(ceilDiv(pixels, subgroup * rows));
  const tile = { subgroup, lane, chunk: depth % 4 ? (1 as const) : (4 as const), rows };
  return { tile, workgroups: [x, y, ceilDiv(columns / lane, subgroup) * phases] as const };
}

/** y = conv2d(x, weight) (+ bias [Co]). */
export function conv2dForward(s: Conv2dShape, bias: boolean): Kernel {
  const label = "conv2d";
  const bindings = bias ? [input(0), input(1), input(2), output(0)] : [input(0), input(1), output(0)];
  return {
    name: label,
    inputs: bias ? [inputSpec(s), weightSpec(s), f32(s.co)] : [inputSpec(s), weightSpec(s)],
    outputs: [outputSpec(s)],
    updates: [],
    flops: flopsOf(s),
    parts: { units: s.n, of: (n) => conv2dForward({ ...s, n }, bias) },
    lower(caps) {
      const lowerings: Lowering[] = [];
      const pixels = s.n * s.oh * s.ow;
      const params = convParams(s);
      if (usesSubgroups(s, caps)) {
        const { tile, workgroups } = subgroupTile(caps.subgroupSize, s.co, s.ci, pixels, 1);
        lowerings.push(
          single("subgroup", { label, code: conv2dSubgroupForward(s, bias, tile), bindings, params, workgroups }),
        );
      }
      const code = ({ threads }: ThreadGrid) => conv2dPlainForward(s, bias, threads);
      lowerings.push(single("plain", threadDispatch(label, pixels * s.co, bindings, code, params)));
      return lowerings;
    },
  };
}

/** dx from dy and weight. */
export function conv2dInputGrad(s: Conv2dShape): Kernel {
  const label = "conv2d.inputGrad";
  const bindings = [input(0), input(1), output(0)];
  return {
    name: label,
    inputs: [outputSpec(s), weightSpec(s)],
    outputs: [inputSpec(s)],
    updates: [],
    flops: flopsOf(s),
    parts: { units: s.n, of: (n) => conv2dInputGrad({ ...s, n }) },
    lower(caps) {
      const lowerings: Lowering[] = [];
      const params = convParams(s);
      if (usesSubgroups(s, caps)) {
        const [sh, sw] = s.stride;
        const pixels = s.n * ceilDiv(s.h, sh) * ceilDiv(s.w, sw);
        const { tile, workgroups } = subgroupTile(caps.subgroupSize, s.ci, s.co, pixels, sh * sw);
        lowerings.push(
          single("subgroup", { label, code: conv2dSubgroupInputGrad(s, tile), bindings, params, workgroups }),
        );
      }
      const code = ({ threads }: ThreadGrid) => conv2dPlainInputGrad(s, threads);
      lowerings.push(single("plain", threadDispatch(label, s.n * s.h * s.w * s.ci, bindings, code, params)));
      return lowerings;
    },
  };
}

/** dweight from x and dy. */
export function conv2dWeightGrad(s: Conv2dShape): Kernel {
  const label = "conv2d.weightGrad";
  return {
    name: label,
    inputs: [inputSpec(s), outputSpec(s)],
    outputs: [weightSpec(s)],
    updates: [],
    flops: flopsOf(s),
    parts: { units: s.n, of: (n) => conv2dWeightGrad({ ...s, n }) },
    lower(caps) {
      const lowerings: Lowering[] = [];
      if (usesSubgroups(s, caps)) lowerings.push(subgroupWeightGrad(label, s, caps.subgroupSize, caps));
      const items = (s.kh * s.kw * s.ci * s.co) / s.groups;
      const code = ({ threads }: ThreadGrid) => conv2dPlainWeightGrad(s, threads);
      const bindings = [input(0), input(1), output(0)];
      lowerings.push(single("plain", threadDispatch(label, items, bindings, code, convParams(s))));
      return lowerings;
    },
  };
}

/** Workgroups that keep an adapter busy; the weight gradient splits the pixels until it has as many. */
const enoughWorkgroups = (caps: Capabilities) => (caps.adapterClass === "software" ? 16 : 1024);
const FEWEST_PIXELS = 64;

function subgroupWeightGrad(label: string, s: Conv2dShape, subgroup: number, caps: Capabilities): Lowering {
  const lane = columnsPerLane(s.co, subgroup);
  const chunk = s.ci % 4 ? 1 : 4;
  const rows = lane * subgroup > 64 ? 16 : 32;
  // More at once make the loop longer than a processor's instruction cache likes.
  const pixels = Math.max(chunk === 4 ? 2 : 1, (subgroup * chunk) / rows);
  const rowTiles = ceilDiv(s.kh * s.kw * s.ci, rows);
  const columnTiles = ceilDiv(s.co / lane, subgroup);
  // A split takes whole lines of pixels.
  const lines = s.n * s.oh;
  const most = Math.max(1, Math.floor((lines * s.ow) / FEWEST_PIXELS));
  const wanted = Math.min(most, ceilDiv(enoughWorkgroups(caps), rowTiles * columnTiles));
  const linesPerSplit = ceilDiv(lines, wanted);
  const splits = ceilDiv(lines, linesPerSplit);
  const size = s.kh * s.kw * s.ci * s.co;
  const product = {
    label,
    code: conv2dSubgroupWeightGrad(s, { subgroup, lane, chunk, rows, pixels }),
    bindings: [input(0), input(1), splits > 1 ? scratch(0) : output(0)],
    params: convParams(s, linesPerSplit),
    workgroups: [rowTiles, columnTiles, splits] as const,
  };
  if (splits === 1) return single("subgroup", product);
  const sum = sumPartsDispatch(`${label}.sum`, size, splits, scratch(0), output(0));
  return { variant: "subgroup", scratch: [4 * size * splits], dispatches: [product, sum] };
}
