/** Tiles of the subgroup variants of convolution and matrix product. */
import type { Capabilities } from "../gpu/capabilities.ts";
import type { Lanes } from "../../shaders/lib/vec.ts";

/** Workgroups that keep an adapter busy; a sum is split until it has that many. */
export const enoughWorkgroups = (caps: Capabilities): number => (caps.adapterClass === "software" ? 16 : 1024);

export type SubgroupCaps = { readonly subgroupSize: number };

/** The most columns per lane that divide the number of columns. */
export const columnsPerLane = (columns: number): Lanes => ([4, 2, 1] as const).find((lane) => columns % lane === 0)!;

/** Lanes of a team: the smallest power of two that holds all columns, but no more than a subgroup has. */
export function teamOf(columns: number, lane: Lanes, subgroup: number): number {
  let team = 1;
  while (team < subgroup && team * lane < columns) team *= 2;
  return team;
}

/** Cost of loading a vector of four by all lanes, in multiply-adds of all lanes; measured on lavapipe. */
const LOAD_MULTIPLY_ADDS = 34;
/** Vectors of the other operand that a tile loads for each four elements of the reduction. */
const OTHER_VECTOR_LOADS = 4;
/** Vectors that each lane loads for its team: more make the loop outgrow the decoded-instruction cache, and slow to compile. */
const MAX_VECTOR_LOADS = 4;
/** The same where a lane is a team of its own and shares nothing. */
const MAX_VECTOR_LOADS_ALONE = 8;
/** Floating-point operations from which the tallest tiles are worth their compile time. */
export const TALL_TILE_FLOPS = 1e8;

/**
 * Rows of the result that a team holds, `team` times a power of two: more rows reuse each load more often, fewer leave less of
 * the last tile unused. `teams` is the number of teams of a subgroup, `lane` the columns per lane.
 */
export function rowsOfTeam(rows: number, team: number, teams: number, lane: Lanes, flops: number): number {
  const shared = MAX_VECTOR_LOADS / (teams === 1 && flops < TALL_TILE_FLOPS ? 2 : 1);
  const most = team === 1 ? MAX_VECTOR_LOADS_ALONE : shared;
  let best = team;
  let least = Infinity;
  for (let loads = 1; loads <= most; loads *= 2) {
    const height = loads * team;
    const cost =
      Math.ceil(rows / (height * teams)) * (height * 4 * lane + (loads + OTHER_VECTOR_LOADS) * LOAD_MULTIPLY_ADDS);
    if (cost < least) [best, least] = [height, cost];
  }
  return best;
}
