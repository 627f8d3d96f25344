/** Sums: over the parts of a split reduction, over all elements, and over the pixels of each sample. */
import type { Epilogue } from "../../shaders/lib/epilogue.ts";
import { floatBits } from "../../shaders/lib/params.ts";
import type { ThreadGrid } from "../../shaders/lib/thread.ts";
import { reduceAll } from "../../shaders/reduce_all.wgsl.ts";
import { spatialSum, type SpatialOperand } from "../../shaders/spatial_sum.wgsl.ts";
import { sumParts } from "../../shaders/sum_parts.wgsl.ts";
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
  type Dispatch,
  type Kernel,
  type OperandRef,
} from "./kernel.ts";
import { threadDispatch } from "./per-thread.ts";

export const lanesOf = (count: number): 1 | 4 => (count % 4 === 0 ? 4 : 1);

/** y [count] = factor * sum over p of part [parts, count]. */
export function sumPartsDispatch(
  label: string,
  count: number,
  parts: number,
  from: OperandRef,
  to: OperandRef,
  factor = 1,
): Dispatch {
  const lanes = lanesOf(count);
  const items = count / lanes;
  return threadDispatch(label, items, [from, to], ({ threads }) => sumParts(threads, lanes), [
    parts,
    items,
    floatBits(factor),
    0,
  ]);
}

/** The same, finished by a convolution's epilogue: y is an activation of `channels` channels. */
export function finishPartsDispatch(
  label: string,
  { count, channels, epilogue }: { count: number; channels: number; epilogue: Epilogue },
  parts: number,
  operands: { from: OperandRef; more: readonly OperandRef[]; to: OperandRef },
): Dispatch {
  const lanes = lanesOf(channels);
  const bindings = [operands.from, ...operands.more, operands.to];
  return threadDispatch(label, count / lanes, bindings, ({ threads }) => sumParts(threads, lanes, epilogue), [
    parts,
    count / lanes,
    floatBits(1),
    channels / lanes,
  ]);
}

/** The sum over the first size of dy [N, ...], of the shape of one sample. */
export function sampleSumKernel(name: string, dy: readonly number[]): Kernel {
  const [n, ...sample] = dy as readonly [number, ...number[]];
  return {
    name,
    inputs: [f32(...dy)],
    outputs: [f32(...sample)],
    updates: [],
    flops: 0,
    parts: alongFirst(dy, (part) => sampleSumKernel(name, part)),
    lower: () => [
      { variant: "plain", scratch: [], dispatches: [sumPartsDispatch(name, sizeOf(sample), n, input(0), output(0))] },
    ],
  };
}

/** y [1] = factor * sum of all elements of x. */
export function sumAll(shape: readonly number[], factor: number): Kernel {
  const count = sizeOf(shape);
  const parts = Math.min(256, ceilDiv(count, 64));
  return {
    name: "sum",
    inputs: [f32(...shape)],
    outputs: [f32(1)],
    updates: [],
    flops: 0,
    parts: alongFirst(shape, (part) => sumAll(part, factor)),
    lower() {
      const first = threadDispatch("sum", parts, [input(0), scratch(0)], ({ threads }) => reduceAll(threads), [
        parts,
        count,
        ceilDiv(count, parts),
      ]);
      const second = sumPartsDispatch("sum.parts", 1, parts, scratch(0), output(0), factor);
      return [{ variant: "plain", scratch: [4 * parts], dispatches: [first, second] }];
    },
  };
}

/** The number of runs into which the pixels of a sample are cut to be summed. */
export const runsOf = (pixels: number): number => Math.max(1, Math.min(64, Math.floor(pixels / 32)));

/** part [runs, N, C] = factor * sum over each run of the pixels of f [N, H, W, C] times `operand` (`operands` behind f). */
export function spatialRunsDispatch(
  label: string,
  f: readonly number[],
  operand: SpatialOperand,
  operands: readonly OperandRef[],
  to: OperandRef,
  factor = 1,
): Dispatch {
  const [n, h, w, c] = nhwc(label, f);
  const lanes = lanesOf(c);
  const runs = runsOf(h * w);
  const params = [c / lanes, n, h * w, ceilDiv(h * w, runs), floatBits(factor)];
  const code = ({ threads }: ThreadGrid) => spatialSum(threads, lanes, operand);
  return threadDispatch(label, (n * runs * c) / lanes, [...operands, to], code, params);
}

/** y [N, C] = factor * sum over the pixels, as above, via `part` where there are several runs. */
export function spatialSumDispatches(
  label: string,
  f: readonly number[],
  operand: SpatialOperand,
  operands: readonly OperandRef[],
  { part, to }: { part: OperandRef; to: OperandRef },
  factor: number,
): Dispatch[] {
  const [n, h, w, c] = nhwc(label, f);
  const runs = runsOf(h * w);
  if (runs === 1) return [spatialRunsDispatch(label, f, operand, operands, to, factor)];
  return [
    spatialRunsDispatch(label, f, operand, operands, part),
    sumPartsDispatch(`${label}.parts`, n * c, runs, part, to, factor),
  ];
}

/**
 * y [N, C] = factor * sum over the pixels of f [N, H, W, C] times `operand`: nothing, a map m [N, H, W, 1] shared by
 * the channels, or a tensor g of f's shape (and, with "weighted", also m).
 */
export function spatialSumKernel(name: string, f: readonly number[], operand: SpatialOperand, factor: number): Kernel {
  const [n, h, w, c] = nhwc(name, f);
  const runs = runsOf(h * w);
  const extra = { none: [], map: [f32(n, h, w, 1)], product: [f32(...f)], weighted: [f32(...f), f32(n, h, w, 1)] };
  const inputs = [f32(...f), ...extra[operand]];
  const operands = inputs.map((_, i) => input(i));
  return {
    name,
    inputs,
    outputs: [f32(n, c)],
    updates: [],
    flops: 0,
    // The pixels of one sample may themselves be cut: then the result is a sum over the parts.
    parts: {
      units: n > 1 ? n : h,
      of: (units) => spatialSumKernel(name, n > 1 ? [units, h, w, c] : [1, units, w, c], operand, factor),
    },
    lower: () => [
      {
        variant: "plain",
        scratch: runs > 1 ? [4 * n * c * runs] : [],
        dispatches: spatialSumDispatches(name, f, operand, operands, { part: scratch(0), to: output(0) }, factor),
      },
    ],
  };
}

export function requireSame(op: string, a: readonly number[], b: readonly number[]): void {
  requireShape(sameShape(a, b), () => `${op}: shapes ${showShape(a)} and ${showShape(b)} differ`);
}
