/**
 * Kernels whose unit of work is a row of `p.quads` vectors, of which there are `p.rows`. Either a thread takes a row, or a team of a
 * subgroup's lanes (team.ts) shares one: each lane takes every TEAM-th vector, and sums and maxima are exchanged. Teams beyond the last row
 * compute that row once more, since a store under a condition costs more.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { params } from "./params.ts";
import { teamHead } from "./team.ts";
import { bindings, groupIndex, threadMain } from "./thread.ts";
import { unroll } from "./vec.ts";

export interface RowTeams {
  subgroup: number;
  /** Lanes per row, a power of two. */
  team: number;
}

type Arrays = [name: string, element: string][];

export interface RowForm {
  /** The whole shader, given its bindings and the body of `main`, which finds its row in `row`. */
  main(arrays: Arrays, body: string): string;
  /** Runs `body` for those of the row's vectors that are this lane's, for each with its number in `k` and its index in `at`. */
  each(body: string): string;
  /** WGSL that adds a variable up over the row's lanes. */
  add(name: string): string;
  /** WGSL that makes a variable the greatest of the row's lanes. */
  greatest(name: string): string;
}

/** Dispatch: one thread per row. */
export const rowsByThread = (fields: readonly string[], threads: number): RowForm => ({
  main: (arrays, body) => wgsl`
${bindings(...arrays)}
${params(fields, arrays.length)}
${threadMain({ items: "p.rows", threads }, `  let row = i;\n${body}`)}`,
  each: (body) => `
  for (var k = 0u; k < p.quads; k++) {
    let at = row * p.quads + k;
${body}
  }`,
  add: () => "",
  greatest: () => "",
});

/** Dispatch: ceil(rows team / subgroup) groups folded over x and y. */
export const rowsByTeam = (fields: readonly string[], { subgroup, team }: RowTeams): RowForm => {
  const exchange = (step: (other: string) => string, name: string) =>
    unroll(Math.log2(team), (i) => step(`subgroupShuffleXor(${name}, ${1 << i}u)`));
  return {
    main: (arrays, body) => wgsl`
enable subgroups;
${bindings(...arrays)}
${params(fields, arrays.length)}
@compute @workgroup_size(${subgroup})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
${teamHead(team)}
  let row = min(${groupIndex} * ${subgroup / team}u + team, p.rows - 1u);
${body}
}`,
    each: (body) => `
  for (var k = member; k < p.quads; k += ${team}u) {
    let at = row * p.quads + k;
${body}
  }`,
    add: (name) => exchange((other) => `  ${name} += ${other};`, name),
    greatest: (name) => exchange((other) => `  ${name} = max(${name}, ${other});`, name),
  };
};
