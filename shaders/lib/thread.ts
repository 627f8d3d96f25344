/** The frame of kernels in which each thread computes one item on its own. */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";

export interface ThreadGrid {
  /** Items, one per thread. */
  items: number;
  /** Threads of a workgroup. */
  threads: number;
}

/** WGSL's index of a workgroup in a range that grid1d (src/kernels/grid.ts) may have folded over x and y. */
export const groupIndex = "(group.x + group.y * groups.x)";

/**
 * `main` with the item's index in `i`; threads beyond the last item return. `items` is a WGSL expression where the number
 * is not baked in, so that one pipeline serves all sizes.
 */
export const threadMain = (
  { items, threads }: { items: number | string; threads: number },
  body: string,
): string => wgsl`
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) thread: u32) {
  let i = ${groupIndex} * ${threads}u + thread;
  if (i >= ${typeof items === "number" ? `${items}u` : items}) { return; }
${body}
}
`;

/**
 * A loop of `n` rounds, `step` at a time, that compilers do not unroll, as they cannot tell its length. Every unrolled copy of a
 * body is compiled anew, which takes a software adapter 25 ms per vec4 load and 14 ms per store. Needs `groups`, main's
 * num_workgroups, none of which is 0.
 */
export const loop = (variable: string, n: number, body: string, step = 1): string =>
  rounds(variable, `${n}u * min(groups.x, 1u)`, body, step);

/** The loop, to an end that is a WGSL expression. */
export const rounds = (variable: string, end: string, body: string, step: number): string => wgsl`
  for (var ${variable} = 0u; ${variable} < ${end}; ${variable} += ${step}u) {
${body}
  }`;

/** Declarations of writable storage bindings 0, 1, ... of the given element types. */
export const bindings = (...arrays: [name: string, element: string][]): string =>
  arrays
    .map(([name, element], i) => `@group(0) @binding(${i}) var<storage, read_write> ${name}: array<${element}>;`)
    .join("\n");
