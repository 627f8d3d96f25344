/** Products of a batch of matrices of any sizes, each of which may be stored transposed. */
import { matmulForms, matmulFormsTiled, formFields } from "../../shaders/matmul_forms.wgsl.ts";
import { f32, input, output, requireShape, showShape, type Kernel, type Lowering } from "./kernel.ts";
import { single, threadDispatch } from "./per-thread.ts";
import { MAX_WORKGROUPS_Z, tilingOf } from "./tiled.ts";

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
  const [aRow, aColumn] = options.transposeA ? [1, m] : [k, 1];
  const [bRow, bColumn] = options.transposeB ? [1, k] : [n, 1];
  const values = { m, k, n, batch, aRow, aColumn, bRow, bColumn };
  const params = formFields.map((field) => values[field]);
  const label = "matmul";
  const bindings = [input(0), input(1), output(0)];
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
      const code = matmulFormsTiled(tile, {
        a: options.transposeA ? "edge" : "k",
        b: options.transposeB ? "k" : "edge",
      });
      return [
        ...(batch <= MAX_WORKGROUPS_Z ? [single("tiled", { label, code, bindings, params, workgroups })] : []),
        single(
          "plain",
          threadDispatch(label, batch * m * n, bindings, ({ threads }) => matmulForms(threads), params),
        ),
      ];
    },
  };
}
