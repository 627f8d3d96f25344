/**
 * The matrices of Winograd's minimal filtering F(m, r): m outputs of an r-tap filter from n = m + r - 1 inputs with n
 * multiplications.
 *
 *   y = A^T [(G g) * (B^T d)].
 *
 * They follow the Toom-Cook construction: polynomials are evaluated at n - 1 points and at infinity, multiplied there, and
 * interpolated (Lavin and Gray, arXiv:1509.09308). B^T depends on the points alone, so all F(m, r) of one n share it.
 */
import { openLoop } from "./loops.ts";
import type { loop } from "./thread.ts";
import { unroll } from "./vec.ts";

/**
 * 0, then pairs of opposite sign, exact in binary. For n = 6 the usual ±1, ±2 lose twice as many digits: with ±3/4, ±3/2 the
 * relative L2 error over 64 to 256 channels is 6e-7 to 1.5e-6 (direct summation: 4e-7 to 9e-7), against 1.7e-6 to 3.3e-6.
 */
const points = {
  4: [0, 1, -1],
  6: [0, 0.75, -0.75, 1.5, -1.5],
} as const;

export type TileSize = keyof typeof points;
type Matrix = readonly (readonly number[])[];

export interface WinogradMatrices {
  /** [m, n] */
  outputs: Matrix;
  /** [n, r] */
  filter: Matrix;
  /** [n, n] */
  inputs: Matrix;
}

/** Coefficients, constant term first, of the product of (x - root). */
const polynomial = (roots: readonly number[]): number[] =>
  roots.reduce<number[]>((c, root) => [...c, 0].map((_, i) => (c[i - 1] ?? 0) - root * (c[i] ?? 0)), [1]);

/** F(n - r + 1, r). */
export function winogradMatrices(n: TileSize, r: number): WinogradMatrices {
  const p: readonly number[] = points[n];
  const m = n - r + 1;
  const powers = (x: number, count: number) => Array.from({ length: count }, (_, i) => x ** i);
  const atInfinity = (count: number) => Array.from({ length: count }, (_, i) => (i === count - 1 ? 1 : 0));
  const others = p.map((x) => p.filter((y) => y !== x));
  const rows = [...others.map((roots) => [...polynomial(roots), 0]), polynomial(p)];
  // Rows of B^T are scaled to about unit length: powers of two, which cost no precision, move into G.
  const scales = rows.map((row) => 2 ** -Math.round(Math.log2(Math.hypot(...row))));
  const norms = p.map((x, j) => others[j]!.reduce((product, y) => product * (x - y), 1));
  const filter = [...p.map((x, j) => powers(x, r).map((v) => v / norms[j]!)), atInfinity(r)];
  const columns = [...p.map((x) => powers(x, m)), atInfinity(m)];
  return {
    outputs: Array.from({ length: m }, (_, i) => columns.map((column) => column[i]!)),
    filter: filter.map((row, j) => row.map((v) => v / scales[j]!)),
    inputs: rows.map((row, j) => row.map((v) => v * scales[j]!)),
  };
}

/** Sum of coefficient times variable, as WGSL; undefined when no term is left. */
function sum(coefficients: readonly number[], names: readonly string[]): string | undefined {
  let text = "";
  for (const [i, c] of coefficients.entries()) {
    if (c === 0) continue;
    const size = Math.abs(c);
    const term = size === 1 ? names[i]! : `${Math.fround(size)} * ${names[i]!}`;
    if (text === "") text = c < 0 ? `-${term}` : term;
    else text += ` ${c < 0 ? "-" : "+"} ${term}`;
  }
  return text === "" ? undefined : text;
}

const oppose = (a: readonly number[], b: readonly number[]): boolean =>
  a.every((v, i) => Math.abs(v) === Math.abs(b[i]!)) && a.some((v, i) => v !== b[i]!);

const mean = (a: readonly number[], b: readonly number[], sign: 1 | -1): number[] =>
  a.map((v, i) => (v + sign * b[i]!) / 2);

/**
 * WGSL that sets `${y}0`, `${y}1`, ... to matrix times the variables `x`. Rows, or columns, that differ only in signs, as those
 * of two opposite points do, share their halves.
 */
export function multiply(matrix: Matrix, x: readonly string[], y: string): string {
  const lines: string[] = [];
  const { coefficients, names } = pairColumns(matrix, x, y, lines);
  const done = new Set<number>();
  for (const [i, row] of coefficients.entries()) {
    if (done.has(i)) continue;
    const j = coefficients.findIndex((other, k) => k > i && !done.has(k) && oppose(row, other));
    const both = j < 0 ? [] : ([1, -1] as const).map((sign) => sum(mean(row, coefficients[j]!, sign), names));
    if (both.every((half) => half !== undefined) && j >= 0) {
      done.add(j);
      lines.push(`let ${y}e${i} = ${both[0]}; let ${y}o${i} = ${both[1]};`);
      lines.push(`let ${y}${i} = ${y}e${i} + ${y}o${i}; let ${y}${j} = ${y}e${i} - ${y}o${i};`);
    } else lines.push(`let ${y}${i} = ${sum(row, names)};`);
  }
  return lines.join("\n");
}

/** Replaces columns that differ only in signs with their sum and difference. */
function pairColumns(matrix: Matrix, x: readonly string[], y: string, lines: string[]) {
  const columns = x.map((_, j) => matrix.map((row) => row[j]!));
  const names: string[] = [];
  const kept: (readonly number[])[] = [];
  const done = new Set<number>();
  for (const [j, column] of columns.entries()) {
    if (done.has(j)) continue;
    const k = columns.findIndex((other, l) => l > j && !done.has(l) && oppose(column, other));
    const halves = k < 0 ? [] : ([1, -1] as const).map((sign) => mean(column, columns[k]!, sign));
    if (k < 0 || halves.some((half) => half.every((v) => v === 0))) {
      names.push(x[j]!);
      kept.push(column);
      continue;
    }
    done.add(k);
    lines.push(`let ${y}s${j} = ${x[j]} + ${x[k]}; let ${y}d${j} = ${x[j]} - ${x[k]};`);
    names.push(`${y}s${j}`, `${y}d${j}`);
    kept.push(...halves);
  }
  return { coefficients: matrix.map((_, i) => kept.map((column) => column[i]!)), names };
}

export interface Square {
  /** WGSL, outside `main`'s loop, for what `rows` needs. */
  before?: string;
  /** WGSL that sets l0_0, l0_1, ... to row r of the square X, l1_0, ... to the next one, up to `step` of them. */
  rows: string;
  step: 1 | 2;
}

/** The most loads or stores that may be unrolled without becoming slow. */
const MAX_UNROLLED_ACCESSES = 16;

/**
 * WGSL that computes Y = matrix X matrix^T of a square X, reading a few rows of X at a time, and hands each element of Y to
 * `use(row, column, name)`, half of the columns at a time where their number is even. Values shift through c0_0, c0_1, ..., since
 * registers cannot be indexed by a variable.
 */
export function sandwich(
  matrix: Matrix,
  { before = "", rows, step }: Square,
  round: typeof loop,
  use: (row: string, column: string, name: string) => string,
): string {
  const [results, n] = [matrix.length, matrix[0]!.length];
  const half = results % 2 ? results : results / 2;
  const product = (count: number, from: (k: number) => string, to: string) =>
    multiply(
      matrix,
      Array.from({ length: count }, (_, k) => from(k)),
      to,
    );
  const reading = [
    rows,
    unroll(step, (k) => product(n, (j) => `l${k}_${j}`, `e${k}_`)),
    unroll(n - step, (i) => unroll(results, (j) => `c${i}_${j} = c${i + step}_${j};`)),
    unroll(step, (k) => unroll(results, (j) => `c${n - step + k}_${j} = e${k}_${j};`)),
  ];
  const writing = [
    unroll(half, (k) =>
      [
        product(n, (i) => `c${i}_${k}`, `o${k}_`),
        unroll(results, (i) => use(`${i}u`, `(column + ${k}u)`, `o${k}_${i}`)),
      ].join("\n"),
    ),
    unroll(n, (i) => unroll(results - half, (k) => `c${i}_${k} = c${i}_${k + half};`)),
  ];
  return [
    before,
    unroll(n, (i) => unroll(results, (j) => `var c${i}_${j} = vec4f();`)),
    (n * n > MAX_UNROLLED_ACCESSES ? round : openLoop)("r", n, reading.join("\n"), step),
    (results * results > MAX_UNROLLED_ACCESSES ? round : openLoop)("column", results, writing.join("\n"), half),
  ].join("\n");
}
