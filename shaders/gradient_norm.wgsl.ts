/**
 * The Euclidean norm of gradients that lie behind each other with gaps, and the factor that clips it.
 *
 *   part[c] = sum of the squares of the c-th chunk, so many floats of a tensor,   tensors in order
 *   norm = sqrt(sum of part),   factor = min(1, CLIP / (norm + 1e-6))
 *
 * What lies in the gaps may be anything, NaN too, and is not added. A workgroup's threads each sum every THREADS-th value; their sums are
 * added in two rounds, in a fixed order.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { params } from "./lib/params.ts";
import { bindings, groupIndex } from "./lib/thread.ts";

/** Threads that add the threads' sums in the first round; as many sums each. */
const root = (threads: number): number => Math.sqrt(threads);

/** WGSL that adds `value` over the workgroup; then `total`, in thread 0 alone. `threads` is a square number. */
const addThreads = (value: string, threads: number): string => `
  shared_sums[thread] = ${value};
  workgroupBarrier();
  var total = 0.0;
  if (thread < ${root(threads)}u) {
    for (var k = 0u; k < ${root(threads)}u; k++) { total += shared_sums[thread * ${root(threads)}u + k]; }
  }
  workgroupBarrier();
  if (thread < ${root(threads)}u) { shared_sums[thread] = total; }
  workgroupBarrier();
  total = 0.0;
  if (thread == 0u) {
    for (var k = 0u; k < ${root(threads)}u; k++) { total += shared_sums[k]; }
  }`;

const main = (threads: number, body: string): string => `
var<workgroup> shared_sums: array<f32, ${threads}>;
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) thread: u32) {
${body}
}`;

/**
 * Bindings: g (vec4f), part [chunks]; a uniform with the number of chunks to sum, the place of the first one in `part`, the number of tensors and 0,
 * then for each tensor its first chunk, its first vector in g, its floats and 0. One workgroup per chunk; those behind the last tensor are 0.
 */
export const gradientSquares = (threads: number, tensors: number, chunk: number): string => wgsl`
${bindings(["g", "vec4f"], ["part", "f32"])}
struct Params { count: u32, first: u32, tensors: u32, unused: u32, table: array<vec4u, ${tensors}> }
@group(0) @binding(2) var<uniform> p: Params;
${main(
  threads,
  `  let chunk = ${groupIndex};
  if (chunk >= p.count) { return; }
  // The last tensor that begins at this chunk or before.
  var low = 0u;
  var high = p.tensors;
  while (high - low > 1u) {
    let middle = (low + high) / 2u;
    if (p.table[middle].x <= chunk) { low = middle; } else { high = middle; }
  }
  let tensor = p.table[low];
  let done = (chunk - tensor.x) * ${chunk}u;
  let floats = min(max(tensor.z, done) - done, ${chunk}u);
  let base = tensor.y + done / 4u;
  var squares = vec4f();
  for (var k = thread; 4u * k < floats; k += ${threads}u) {
    let value = select(vec4f(), g[base + k], vec4u(4u * k) + vec4u(0u, 1u, 2u, 3u) < vec4u(floats));
    squares += value * value;
  }
${addThreads("squares.x + squares.y + squares.z + squares.w", threads)}
  if (thread == 0u) { part[p.first + chunk] = total; }`,
)}`;

/** Bindings: part [chunks], norm [1], factor [1]; a uniform with the number of chunks and CLIP. One workgroup. */
export const gradientNorm = (threads: number): string => wgsl`
${bindings(["part", "f32"], ["norm", "f32"], ["factor", "f32"])}
${params(["count", "clip"], 3)}
${main(
  threads,
  `  var sum = 0.0;
  for (var k = thread; k < p.count; k += ${threads}u) { sum += part[k]; }
${addThreads("sum", threads)}
  if (thread == 0u) {
    let size = sqrt(total);
    norm[0] = size;
    factor[0] = min(1.0, bitcast<f32>(p.clip) / (size + 1e-6));
  }`,
)}`;
