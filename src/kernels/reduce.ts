/** Sums: over parts of a split reduction, over everything, and over the pixels of each sample. */
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

/** The same, finished by a convolution's epilogue: y is an activation of so many channels. */
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

/**
 * y [N, C] = factor * sum over the pixels of f [N, H, W, C] times `operand`: nothing, a map m [N, H, W, 1] shared by
 * the channels, or a tensor g of f's shape (and, with "product", also m).
 */
export function spatialSumKernel(name: string, f: readonly number[], operand: SpatialOperand, factor: number): Kernel {
  const [n, h, w, c] = nhwc(name, f);
  const lanes = lanesOf(c);
  const pixels = h * w;
  const chunks = Math.max(1, Math.min(64, Math.floor(pixels / 32)));
  const items = (n * chunks * c) / lanes;
  const extra = { none: [], map: [f32(n, h, w, 1)], product: [f32(...f)], weighted: [f32(...f), f32(n, h, w, 1)] };
  const inputs = [f32(...f), ...extra[operand]];
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
    lower() {
      const alone = chunks === 1;
      const bindings = [...inputs.map((_, i) => input(i)), alone ? output(0) : scratch(0)];
      const params = [c / lanes, n, pixels, ceilDiv(pixels, chunks), floatBits(alone ? factor : 1)];
      const code = ({ threads }: ThreadGrid) => spatialSum(threads, lanes, operand);
      const first = threadDispatch(name, items, bindings, code, params);
      if (alone) return [{ variant: "plain", scratch: [], dispatches: [first] }];
      const second = sumPartsDispatch(`${name}.parts`, n * c, chunks, scratch(0), output(0), factor);
      return [{ variant: "plain", scratch: [4 * n * c * chunks], dispatches: [first, second] }];
    },
  };
}

export function requireSame(op: string, a: readonly number[], b: readonly number[]): void {
  requireShape(sameShape(a, b), () => `${op}: shapes ${showShape(a)} and ${showShape(b)} differ`);
}
