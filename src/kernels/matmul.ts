/**
 * Batched matrix products, as dispatches of other kernels: by subgroups on software adapters, where a broadcast is cheap and a
 * barrier is not, and in workgroup memory on all others.
 */
import { matmulTiled, type MatmulForm } from "../../shaders/matmul_tiled.wgsl.ts";
import { gramSubgroup, matmulFields, matmulSubgroup } from "../../shaders/matmul_subgroup.wgsl.ts";
import type { Capabilities } from "../gpu/capabilities.ts";
import { ceilDiv } from "./grid.ts";
import type { Dispatch, OperandRef } from "./kernel.ts";
import { enoughWorkgroups, rowsOfTeam, teamOf } from "./tile.ts";
import { tilingOf, type Tiling } from "./tiled.ts";

/** For each of `batch` matrices: c [m, n], summed over k. */
export interface MatmulSize {
  m: number;
  k: number;
  n: number;
  batch: number;
}

type Operands = readonly [a: OperandRef, b: OperandRef, c: OperandRef];

const paramsOf = (size: MatmulSize, run: number): number[] => {
  const values = { ...size, run };
  return matmulFields.map((name) => values[name]);
};

/** Lanes of a subgroup where products are computed by subgroups. */
const subgroupFor = (caps: Capabilities): number | undefined =>
  caps.adapterClass === "software" ? caps.subgroupSize : undefined;

const tiled = (
  label: string,
  { form, half = false }: { form: MatmulForm; half?: boolean },
  size: MatmulSize,
  tiling: Tiling,
  bindings: Operands,
): Dispatch => {
  const { tile, run, workgroups } = tiling;
  return { label, code: matmulTiled(tile, form, half), bindings, params: paramsOf(size, run), workgroups };
};

const tilingFor = ({ m, k, n, batch }: MatmulSize, caps: Capabilities, mostSplits?: number): Tiling =>
  tilingOf({ rows: m, columns: n, depth: k, batch }, caps, mostSplits);

/** c = a [m, k] b [k, n], or with `transposed` b [n, k]^T; with `half`, b is stored in half precision. k and n are multiples of 4. */
export function matmul(
  label: string,
  size: MatmulSize,
  operands: Operands,
  { transposed, half }: { transposed: boolean; half: boolean },
  caps: Capabilities,
): Dispatch {
  const subgroup = subgroupFor(caps);
  if (subgroup === undefined) {
    const form = transposed ? "transposed" : "plain";
    return tiled(label, { form, half }, size, tilingFor(size, caps, 1), operands);
  }
  const { m, k, n, batch } = size;
  const team = teamOf(n, 4, subgroup);
  const rows = rowsOfTeam(m, team, subgroup / team, 4, 2 * m * k * n * batch);
  return {
    label,
    code: matmulSubgroup({ subgroup, team, rows }, transposed, half),
    bindings: operands,
    params: paramsOf(size, 0),
    workgroups: [ceilDiv(m, (rows * subgroup) / team), ceilDiv(n / 4, team), batch],
  };
}

/** Rows of c that a team holds. */
const gramRows = (m: number): number => Math.min(32, m);
/** The fewest rows of k worth a split. */
const MIN_SPLIT_ROWS = 64;

/** The number of parts into which `gram` cuts k. */
export function splitsOf(size: MatmulSize, caps: Capabilities): number {
  const subgroup = subgroupFor(caps);
  if (subgroup === undefined) return tilingFor(size, caps).splits;
  const { m, k, n, batch } = size;
  const tiles = ceilDiv(m, gramRows(m)) * ceilDiv(n / 4, teamOf(n, 4, subgroup)) * batch;
  const wanted = Math.max(1, Math.min(Math.floor(k / MIN_SPLIT_ROWS), ceilDiv(enoughWorkgroups(caps), tiles)));
  return ceilDiv(k, ceilDiv(k, wanted));
}

/** c[split] = a [k, m]^T b [k, n] over the split's rows, for as many splits as `splitsOf` says. m and n are multiples of 4. */
export function gram(
  label: string,
  size: MatmulSize,
  splits: number,
  operands: Operands,
  caps: Capabilities,
): Dispatch {
  const subgroup = subgroupFor(caps);
  if (subgroup === undefined) return tiled(label, { form: "gram" }, size, tilingFor(size, caps), operands);
  const { m, k, n, batch } = size;
  const team = teamOf(n, 4, subgroup);
  const rows = gramRows(m);
  return {
    label,
    code: gramSubgroup({ subgroup, team, rows }),
    bindings: operands,
    params: paramsOf(size, ceilDiv(k, splits)),
    workgroups: [ceilDiv(m, rows), ceilDiv(n / 4, team), batch * splits],
  };
}
