/** Elementwise kernels whose operands are broadcast or permuted, and sums and maxima of them over some of their axes. */
import { floatBits } from "../../shaders/lib/params.ts";
import type { Lanes } from "../../shaders/lib/vec.ts";
import { reduce, strided, type Combination, type Strided } from "../../shaders/strided.wgsl.ts";
import { ceilDiv } from "./grid.ts";
import {
  f32,
  input,
  output,
  requireShape,
  scratch,
  showShape,
  sizeOf,
  type Kernel,
  type OperandRef,
} from "./kernel.ts";
import { threadDispatch } from "./per-thread.ts";

/** An operand, and by how many elements its place moves along each axis of the result; 0: it is broadcast there. */
export interface Operand {
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

/** One or several neighbouring axes along which all operands move evenly. */
interface Axis {
  size: number;
  readonly reduced: boolean;
  strides: readonly number[];
}

/** Element strides of a tensor that lies in memory axis by axis. */
export function stridesOf(shape: readonly number[]): number[] {
  return shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
}

/** A tensor as an operand of a result of `to`, aligned at the last axes as PyTorch does. */
export function broadcastTo(shape: readonly number[], to: readonly number[]): Operand {
  const strides = stridesOf(shape);
  const ahead = to.length - shape.length;
  return { shape, strides: to.map((_, i) => (i < ahead || shape[i - ahead] === 1 ? 0 : strides[i - ahead]!)) };
}

/**
 * The shape that tensors of these shapes have together by PyTorch's rules: sizes are compared from the last axis, and are equal or 1.
 * @throws ShapeError
 */
export function broadcastShape(op: string, ...shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, i) => {
    const sizes = new Set(shapes.map((shape) => shape[i - rank + shape.length] ?? 1).filter((size) => size !== 1));
    requireShape(sizes.size < 2, () => {
      const advice = "from the last axis on, sizes have to be equal or 1 (activations are [N, H, W, C])";
      return `${op}: shapes ${shapes.map(showShape).join(" and ")} cannot be broadcast: ${advice}`;
    });
    return sizes.values().next().value ?? 1;
  });
}

/** The axes of a result, without those of size 1, neighbours joined where every operand allows it. */
function axesOf(shape: readonly number[], operands: readonly Operand[], reduced: ReadonlySet<number>): Axis[] {
  const axes: Axis[] = [];
  for (const [i, size] of shape.entries()) {
    if (size === 1) continue;
    const axis = { size, reduced: reduced.has(i), strides: operands.map(({ strides }) => strides[i]!) };
    const last = axes.at(-1);
    if (last?.reduced === axis.reduced && last.strides.every((stride, k) => stride === size * axis.strides[k]!)) {
      last.size *= size;
      last.strides = axis.strides;
    } else axes.push(axis);
  }
  return axes;
}

/** How a kernel over these axes is vectorised, and its shader and uniform without the sizes of its work. */
function planOf(axes: readonly Axis[], inputs: number, expression: string, functions: string | undefined) {
  const last = axes.at(-1);
  const others = axes.slice(0, -1);
  const alongside = (k: number): boolean =>
    last!.strides[k] === 0 || (last!.strides[k] === 1 && others.every(({ strides }) => strides[k]! % 4 === 0));
  const operands = Array.from({ length: inputs }, (_, k) => k);
  const fits = last !== undefined && !last.reduced && last.size % 4 === 0 && operands.every(alongside);
  const lanes: Lanes = fits ? 4 : 1;
  const vectors = operands.map((k) => lanes === 1 || last!.strides[k] === 1);
  const inVectors = axes.map((axis) => ({
    ...axis,
    size: axis === last ? axis.size / lanes : axis.size,
    strides: axis.strides.map((stride, k) => (lanes === 4 && vectors[k] && axis !== last ? stride / 4 : stride)),
  }));
  const kept = inVectors.filter((axis) => !axis.reduced);
  const reducedAxes = inVectors.filter((axis) => axis.reduced);
  const shader: Omit<Strided, "threads"> = {
    ...{ lanes, vectors, expression, axes: kept.length, reduced: reducedAxes.length },
    ...(functions === undefined ? {} : { functions }),
  };
  const sizes = [...kept, ...reducedAxes].flatMap(({ size, strides }) => [size, ...strides]);
  return { lanes, shader, sizes };
}

export interface StridedOptions {
  /** WGSL functions that the expression calls. */
  functions?: string;
}

/** The operand over the first `units` of its first axis, where it has those of the result. */
const partOf = (operand: Operand, units: number): Operand =>
  operand.strides[0] === 0 ? operand : { ...operand, shape: [units, ...operand.shape.slice(1)] };

/** Whether the first axis of the result is the slowest one of every operand that has it. */
const cutsAlongFirst = (shape: readonly number[], operands: readonly Operand[]): boolean =>
  shape[0]! > 1 &&
  operands.every((o) => o.strides[0] === 0 || (o.shape[0] === shape[0] && o.strides[0] === stridesOf(o.shape)[0]));

/** y of `shape` = expression over operands called a, b, ... of WGSL's type T. */
export function stridedKernel(
  name: string,
  shape: readonly number[],
  operands: readonly Operand[],
  expression: string,
  options: StridedOptions = {},
): Kernel {
  const of = (units: number) =>
    stridedKernel(
      name,
      [units, ...shape.slice(1)],
      operands.map((o) => partOf(o, units)),
      expression,
      options,
    );
  return {
    name,
    inputs: operands.map((o) => f32(...o.shape)),
    outputs: [f32(...shape)],
    updates: [],
    flops: 0,
    traits: { cheap: true },
    ...(cutsAlongFirst(shape, operands) ? { parts: { units: shape[0]!, of } } : {}),
    lower() {
      const axes = axesOf(shape, operands, new Set());
      const { lanes, shader, sizes } = planOf(axes, operands.length, expression, options.functions);
      const items = sizeOf(shape) / lanes;
      const bindings = [...operands.map((_, i) => input(i)), output(0)];
      const code = ({ threads }: { threads: number }) => strided({ threads, ...shader });
      const dispatch = threadDispatch(name, items, bindings, code, [items, items, 1, 1, floatBits(1), ...sizes]);
      return [{ variant: "plain", scratch: [], dispatches: [dispatch] }];
    },
  };
}

/** Elements that one thread reduces at least, and threads that are enough; runs are added up afterwards. */
const LEAST_RUN = 32;
const MOST_RUNS = 256;
const ENOUGH_THREADS = 16384;

export interface ReduceOptions extends StridedOptions {
  /** On the result; default 1. */
  factor?: number;
  /** Default "sum". */
  how?: Combination;
}

/** y = factor times the sum, or the maximum, of an expression over operands called a, b, ... along some axes, whose size in y is 1. */
export function reduceKernel(
  name: string,
  shape: readonly number[],
  reduced: ReadonlySet<number>,
  operands: readonly Operand[],
  expression: string,
  options: ReduceOptions = {},
): Kernel {
  const { factor = 1, how = "sum", functions } = options;
  const y = shape.map((size, i) => (reduced.has(i) ? 1 : size));
  const of = (units: number) => {
    const parts = operands.map((o) => partOf(o, units));
    return reduceKernel(name, [units, ...shape.slice(1)], reduced, parts, expression, options);
  };
  // Parts of a sum over the first axis are sums that are added; maxima would not be.
  const cut = cutsAlongFirst(shape, operands) && (how === "sum" || !reduced.has(0));
  return {
    name,
    inputs: operands.map((o) => f32(...o.shape)),
    outputs: [f32(...y)],
    updates: [],
    flops: 0,
    ...(cut ? { parts: { units: shape[0]!, of } } : {}),
    lower() {
      const count = sizeOf(y);
      const total = sizeOf(shape) / count;
      /** Reduces `from` over its reduced axes, in `runs` runs, to `to` [runs, count]. */
      const dispatchOf = (
        axes: readonly Axis[],
        text: string,
        amounts: { total: number; runs: number; factor: number },
        [from, to]: readonly [readonly OperandRef[], OperandRef],
      ) => {
        const { lanes, shader, sizes } = planOf(axes, from.length, text, functions);
        const outs = count / lanes;
        const items = outs * amounts.runs;
        const run = ceilDiv(amounts.total, amounts.runs);
        const params = [items, outs, run, amounts.total, floatBits(amounts.factor), ...sizes];
        return threadDispatch(name, items, [...from, to], ({ threads }) => reduce({ threads, ...shader }, how), params);
      };
      const most = Math.max(1, Math.min(MOST_RUNS, Math.floor(total / LEAST_RUN), ceilDiv(ENOUGH_THREADS, count)));
      const runs = ceilDiv(total, ceilDiv(total, most));
      const inputs = operands.map((_, i) => input(i));
      const axes = axesOf(shape, operands, reduced);
      if (runs === 1) {
        const dispatch = dispatchOf(axes, expression, { total, runs, factor }, [inputs, output(0)]);
        return [{ variant: "plain", scratch: [], dispatches: [dispatch] }];
      }
      const part = scratch(0);
      const parts = axesOf([runs, count], [{ shape: [runs, count], strides: [count, 1] }], new Set([0]));
      return [
        {
          variant: "plain",
          scratch: [4 * runs * count],
          dispatches: [
            dispatchOf(axes, expression, { total, runs, factor: 1 }, [inputs, part]),
            dispatchOf(parts, "a", { total: runs, runs: 1, factor }, [[part], output(0)]),
          ],
        },
      ];
    },
  };
}
