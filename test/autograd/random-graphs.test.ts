/**
 * Random graphs in which tensors are used again and again, against the same in float64: gradients that meet at a tensor from several sides are
 * added by kernels of several kinds.
 */
import { expect, test } from "vitest";
import { stream } from "../../src/data/random.ts";
import { add, conv2d, linear, matmul, mul, reshape, sub, tanh, type Tensor } from "../../src/index.ts";
import { gradcheck } from "../../src/entries/ops.ts";
import { useGpu } from "../support/gpu.ts";

const gpu = useGpu();
const [PIXELS, C] = [3, 4];
const SHAPE = [1, 1, PIXELS, C];

/** An op on tensors and the same on numbers; `w` is the matrix of all products. */
interface Op {
  readonly name: string;
  readonly operands: 1 | 2;
  of(a: Tensor, b: Tensor, w: Tensor): Tensor;
  numbers(a: Float64Array, b: Float64Array, w: Float64Array): Float64Array;
}

const product = (a: Float64Array, _: Float64Array, w: Float64Array) =>
  a.map((_, i) => {
    const row = Math.floor(i / C) * C;
    let sum = 0;
    for (let k = 0; k < C; k++) sum += a[row + k]! * w[k * C + (i % C)]!;
    return sum;
  });

const ops: readonly Op[] = [
  { name: "add", operands: 2, of: (a, b) => add(a, b), numbers: (a, b) => a.map((x, i) => x + b[i]!) },
  { name: "add", operands: 2, of: (a, b) => add(a, b), numbers: (a, b) => a.map((x, i) => x + b[i]!) },
  { name: "sub", operands: 2, of: (a, b) => sub(a, b), numbers: (a, b) => a.map((x, i) => x - b[i]!) },
  { name: "mul", operands: 2, of: (a, b) => mul(a, b), numbers: (a, b) => a.map((x, i) => x * b[i]!) },
  { name: "tanh", operands: 1, of: (a) => tanh(a), numbers: (a) => a.map(Math.tanh) },
  { name: "conv2d", operands: 1, of: (a, _, w) => conv2d(a, reshape(w, [1, 1, C, C])), numbers: product },
  { name: "linear", operands: 1, of: (a, _, w) => linear(a, w), numbers: product },
  {
    name: "matmul",
    operands: 1,
    of: (a, _, w) => reshape(matmul(reshape(a, [PIXELS, C]), w), SHAPE),
    numbers: product,
  },
];

const conv = ops.find(({ name }) => name === "conv2d")!;

/** Which op is applied to which of the results before it. */
function program(seed: number) {
  const random = stream(seed, 0);
  const below = (n: number) => (random.next() >>> 0) % n;
  return Array.from({ length: 8 }, (_, i) => ({ op: ops[below(ops.length)]!, a: below(i + 1), b: below(i + 1) }));
}

/** Runs it on either: each result is kept small, so that differences are precise. */
function run<T>(steps: ReturnType<typeof program>, x: T, apply: (op: Op, a: T, b: T) => T): T {
  const made = [x];
  for (const { op, a, b } of steps) made.push(apply(op, made[a]!, made[b]!));
  // The matrix takes part in each.
  return [...made.slice(-3), apply(conv, made.at(-1)!, x)].reduce((sum, y) => apply(ops[0]!, sum, y));
}

test.each(Array.from({ length: 40 }, (_, seed) => seed))("graph %i", async (seed) => {
  const steps = program(seed);
  const text = steps.map(({ op, a, b }) => `${op.name}(${op.operands === 2 ? `${a}, ${b}` : a})`).join(" ");
  const found = await gradcheck(gpu(), (x, w) => run(steps, x, (op, a, b) => op.of(a, b, w)), [SHAPE, [C, C]], {
    reference: (x, w) => run(steps, x, (op, a, b) => op.numbers(a, b, w)),
  });
  // Which failed is said by gradcheck.
  expect(found.length, text).toBeGreaterThan(0);
});
