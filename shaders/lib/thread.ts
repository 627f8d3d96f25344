/** The frame of kernels in which each thread computes one item alone. */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";

export interface ThreadGrid {
  /** Items, one a thread. */
  items: number;
  /** Workgroups along x; see grid1d in src/kernels/grid.ts. */
  gridX: number;
  /** Threads of a workgroup. */
  threads: number;
}

/** `main` with the item's index in `i`; threads beyond the last item return. */
export const threadMain = ({ items, gridX, threads }: ThreadGrid, body: string): string => wgsl`
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let i = (group.x + group.y * ${gridX}u) * ${threads}u + thread;
  if (i >= ${items}u) { return; }
${body}
}
`;

/** Declarations of writable storage bindings 0, 1, ... of the given element types. */
export const bindings = (...arrays: [name: string, element: string][]): string =>
  arrays
    .map(([name, element], i) => `@group(0) @binding(${i}) var<storage, read_write> ${name}: array<${element}>;`)
    .join("\n");
