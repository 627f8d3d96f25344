/** Columns of a convolution's result where channels lie in groups: products of one group after the other. */
import type { Lanes } from "./vec.ts";

/** What is known of a tile of one group: lanes of a team, columns per lane, elements of the reduction per load. */
interface GroupTile {
  team: number;
  lane: Lanes;
  chunk: 1 | 4;
  /** Whether there are several groups. */
  grouped: boolean;
}

/** WGSL for the channels of the result and of the reduction, in all groups, and for the index of the tile of columns. */
interface Columns {
  columns: string;
  depth: string;
  tile: string;
}

/**
 * The names of sizes in vectors, and WGSL that declares them: COLS and `pixel` of a pixel of the result and of the other operand; `width` and STEPS of
 * one group; `column`, the lane's own in the group; `base` and `offset`, where the group begins in a pixel.
 */
export function columnsOf(t: GroupTile, { columns, depth, tile }: Columns) {
  if (!t.grouped) {
    return {
      ...{ width: "COLS", pixel: "STEPS", offset: "", base: "", own: "column" },
      channels: depth,
      resultChannels: columns,
      sizes: `  let COLS = ${columns} / ${t.lane}u;
  let STEPS = ${depth} / ${t.chunk}u;`,
      column: `  let column = ${tile} * ${t.team}u + member;`,
    };
  }
  return {
    ...{ width: "WIDTH", pixel: "PIXEL", offset: " + offset", base: "base + ", own: "(base + column)" },
    channels: `(STEPS * ${t.chunk}u)`,
    resultChannels: `(WIDTH * ${t.lane}u)`,
    sizes: `  let COLS = ${columns} / ${t.lane}u;
  let PIXEL = ${depth} / ${t.chunk}u;
  let WIDTH = COLS / p.groups;
  let STEPS = PIXEL / p.groups;
  let TILES = (WIDTH + ${t.team - 1}u) / ${t.team}u;
  let base = ${tile} / TILES * WIDTH;
  let offset = ${tile} / TILES * STEPS;`,
    column: `  let column = ${tile} % TILES * ${t.team}u + member;`,
  };
}
