/** Lowerings of kernels by rows (shaders/lib/rows.ts) in which teams of a subgroup's lanes share them. */
import type { RowTeams } from "../../shaders/lib/rows.ts";
import type { Capabilities } from "../gpu/capabilities.ts";
import { ceilDiv, grid1d } from "./grid.ts";
import type { Dispatch, Lowering } from "./kernel.ts";
import { single } from "./per-thread.ts";
import { lanesOf } from "./reduce.ts";
import { teamOf } from "./tile.ts";

/** None where the adapter has no subgroups. `columns` are the elements of a row. */
export function byTeams(
  { subgroupSize: subgroup }: Capabilities,
  rows: number,
  columns: number,
  dispatch: Omit<Dispatch, "code" | "workgroups">,
  code: (teams: RowTeams) => string,
): Lowering[] {
  if (subgroup === undefined) return [];
  const team = teamOf(columns, lanesOf(columns), subgroup);
  const workgroups = grid1d(ceilDiv(rows * team, subgroup));
  return [single("subgroup", { ...dispatch, code: code({ subgroup, team }), workgroups })];
}
