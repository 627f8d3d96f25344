/** Tiles, splits and grids of products in workgroup memory (shaders/lib/tiled.ts). */
import type { Tile } from "../../shaders/lib/tiled.ts";
import type { Capabilities } from "../gpu/capabilities.ts";
import { ceilDiv, grid1d } from "./grid.ts";

/** What is computed `batch` times: a result [rows, columns], summed over depth. */
export interface TiledSize {
  rows: number;
  columns: number;
  depth: number;
  batch: number;
}

export interface Tiling {
  tile: Tile;
  /** The number of parts into which the depth is cut, and the elements of each, a multiple of the tile's depth. */
  splits: number;
  run: number;
  workgroups: readonly [number, number, number];
}

/** All fit in 16 KiB. `effort`: cost of a multiply-add relative to the largest tile's, with half the results per load. */
const tiles: readonly { tile: Tile; effort: number }[] = [
  { tile: { rows: 64, columns: 64, depth: 16 }, effort: 1 },
  { tile: { rows: 32, columns: 32, depth: 32 }, effort: 1.5 },
  { tile: { rows: 64, columns: 16, depth: 16 }, effort: 1.6 },
];

/** Workgroups that keep an adapter busy. */
const ENOUGH_WORKGROUPS = { software: 16, integrated: 128, discrete: 512 } as const;
/** The fewest elements of depth worth a split. */
const MIN_SPLIT_DEPTH = 256;
/** Multiply-adds in the time it takes to write and reread a partial result: a guess, as in conv2d-order.ts. */
const MULTIPLY_ADDS_PER_PARTIAL = 100;
/** Workgroups that a dispatch may have along z. */
export const MAX_WORKGROUPS_Z = 65535;

/** @param mostSplits the most splits that the caller has memory for */
export function tilingOf(size: TiledSize, { adapterClass }: Capabilities, mostSplits = Infinity): Tiling {
  const { rows, columns, depth, batch } = size;
  const count = (t: Tile) => ceilDiv(rows, t.rows) * ceilDiv(columns, t.columns);
  const cost = ({ tile: t, effort }: (typeof tiles)[number]) => count(t) * t.rows * t.columns * effort;
  const { tile } = tiles.reduce((best, t) => (cost(t) < cost(best) ? t : best));
  const most = Math.min(depth / MIN_SPLIT_DEPTH, MAX_WORKGROUPS_Z / batch, mostSplits);
  const idle = ENOUGH_WORKGROUPS[adapterClass] / (count(tile) * batch);
  // Minimises depth * idle / splits, the time that idle units lose, plus what the parts cost.
  const best = Math.sqrt((depth * idle) / MULTIPLY_ADDS_PER_PARTIAL);
  const wanted = Math.max(1, Math.floor(Math.min(most, idle, best)));
  const run = Math.max(1, ceilDiv(ceilDiv(depth, wanted), tile.depth)) * tile.depth;
  const splits = Math.max(1, ceilDiv(depth, run));
  const [x, y] = grid1d(count(tile));
  return { tile, splits, run, workgroups: [x, y, batch * splits] };
}
