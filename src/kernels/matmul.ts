/** Matrix products of a batch, as dispatches of other kernels. */
import { gramSubgroup, matmulFields, matmulSubgroup } from "../../shaders/matmul_subgroup.wgsl.ts";
import type { Capabilities } from "../gpu/capabilities.ts";
import { ceilDiv } from "./grid.ts";
import type { Dispatch, OperandRef } from "./kernel.ts";
import { rowsOfTeam, teamOf, type SubgroupCaps } from "./tile.ts";

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

/** c = a [m, k] b [k, n], or with `transposed` b [n, k]^T. k and n are multiples of 4. */
export function matmul(
  label: string,
  size: MatmulSize,
  operands: Operands,
  transposed: boolean,
  { subgroupSize: subgroup }: SubgroupCaps,
): Dispatch {
  const { m, k, n, batch } = size;
  const team = teamOf(n, 4, subgroup);
  const rows = rowsOfTeam(m, team, subgroup / team, 4, 2 * m * k * n * batch);
  return {
    label,
    code: matmulSubgroup({ subgroup, team, rows }, transposed),
    bindings: operands,
    params: paramsOf(size, 0),
    workgroups: [ceilDiv(m, (rows * subgroup) / team), ceilDiv(n / 4, team), batch],
  };
}

/** Rows of c that a team holds. */
const gramRows = (m: number): number => Math.min(32, m);
/** Workgroups that keep an adapter busy. */
const enough = (caps: Capabilities): number => (caps.adapterClass === "software" ? 16 : 1024);
/** The fewest rows of k worth a split. */
const FEWEST = 64;

/** Into how many parts k is cut by `gram`. */
export function splitsOf({ m, k, n, batch }: MatmulSize, caps: Capabilities & SubgroupCaps): number {
  const tiles = ceilDiv(m, gramRows(m)) * ceilDiv(n / 4, teamOf(n, 4, caps.subgroupSize)) * batch;
  const wanted = Math.max(1, Math.min(Math.floor(k / FEWEST), ceilDiv(enough(caps), tiles)));
  return ceilDiv(k, ceilDiv(k, wanted));
}

/** c[split] = a [k, m]^T b [k, n] over the split's rows. m and n are multiples of 4. */
export function gram(
  label: string,
  size: MatmulSize,
  splits: number,
  operands: Operands,
  { subgroupSize: subgroup }: SubgroupCaps,
): Dispatch {
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
