/** Products of matrices that lie anywhere in their operands: transposed, or in the middle of others. */
import { matmulStrided, matmulStridedTiled, stridedFields } from "../../shaders/matmul_strided.wgsl.ts";
import { f32, input, output, requireShape, showShape, type Kernel, type Lowering } from "./kernel.ts";
import { single, threadDispatch } from "./per-thread.ts";
import { MAX_WORKGROUPS_Z, tilingOf } from "./tiled.ts";

/** Where the matrices of an operand lie, in elements: matrix z at (z / inner) outer + (z mod inner) step + offset. */
export interface Lay {
  readonly outer: number;
  readonly step: number;
  readonly offset: number;
  /** From a row to the next, and from a column to the next. */
  readonly row: number;
  readonly column: number;
}

export interface StridedProduct {
  readonly m: number;
  readonly k: number;
  readonly n: number;
  /** Matrices in all. */
  readonly batch: number;
  /** Matrices of an outer step. */
  readonly inner: number;
  readonly a: Lay;
  readonly b: Lay;
  readonly c: Lay;
}

function paramsOf({ m, k, n, batch, inner, a, b, c }: StridedProduct): number[] {
  const values: Record<string, number> = { m, k, n, batch, inner };
  for (const [name, lay] of Object.entries({ a, b, c })) {
    values[`${name}Outer`] = lay.outer;
    values[`${name}Step`] = lay.step;
    values[`${name}Offset`] = lay.offset;
    values[`${name}Row`] = lay.row;
    values[`${name}Column`] = lay.column;
  }
  return stridedFields.map((field) => values[field]!);
}

/** c = a [batch, m, k] b [batch, k, n], of operands a and b that may be transposed. */
export interface MatmulOptions {
  /** a is [batch, k, m]. */
  transposeA: boolean;
  /** b is [batch, n, k]. */
  transposeB: boolean;
}

/** @throws ShapeError */
export function matmulSizes(a: readonly number[], b: readonly number[], { transposeA, transposeB }: MatmulOptions) {
  const fits = a.length === 3 && b.length === 3 && a[0] === b[0];
  const [m, k] = transposeA ? [a[2], a[1]] : [a[1], a[2]];
  const [depth, n] = transposeB ? [b[2], b[1]] : [b[1], b[2]];
  requireShape(fits && k === depth, () => {
    const form = (shape: readonly number[], transposed: boolean) => `${showShape(shape)}${transposed ? "ᵀ" : ""}`;
    return `matmul: ${form(a, transposeA)} and ${form(b, transposeB)} do not match`;
  });
  return { batch: a[0]!, m: m!, k: k!, n: n! };
}

/** c [B, M, N] from a [B, M, K] and b [B, K, N], or transposed. */
export function matmulKernel(a: readonly number[], b: readonly number[], options: MatmulOptions): Kernel {
  const { batch, m, k, n } = matmulSizes(a, b, options);
  const lay = (rows: number, columns: number, transposed: boolean): Lay => ({
    outer: rows * columns,
    step: 0,
    offset: 0,
    row: transposed ? 1 : columns,
    column: transposed ? rows : 1,
  });
  const product: StridedProduct = {
    ...{ m, k, n, batch, inner: 1 },
    a: lay(m, k, options.transposeA),
    b: lay(k, n, options.transposeB),
    c: lay(m, n, false),
  };
  const label = "matmul";
  const bindings = [input(0), input(1), output(0)];
  const params = paramsOf(product);
  return {
    name: label,
    inputs: [f32(...a), f32(...b)],
    outputs: [f32(batch, m, n)],
    updates: [],
    flops: 2 * batch * m * k * n,
    parts: {
      units: batch,
      of: (units) => matmulKernel([units, ...a.slice(1)], [units, ...b.slice(1)], options),
    },
    lower({ caps }): Lowering[] {
      const { tile, workgroups } = tilingOf({ rows: m, columns: n, depth: k, batch }, caps, 1);
      const code = matmulStridedTiled(tile, {
        a: options.transposeA ? "edge" : "k",
        b: options.transposeB ? "k" : "edge",
      });
      return [
        ...(batch <= MAX_WORKGROUPS_Z ? [single("tiled", { label, code, bindings, params, workgroups })] : []),
        single(
          "plain",
          threadDispatch(label, batch * m * n, bindings, ({ threads }) => matmulStrided(threads), params),
        ),
      ];
    },
  };
}
