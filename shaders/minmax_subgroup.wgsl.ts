/**
 * Min-max normalisation and its gradient (minmax.wgsl.ts) in one dispatch each, for small samples: a subgroup takes a sample,
 * each lane every S-th element. Dispatch: one workgroup, which is one subgroup, per sample.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { declare, gradientAt, mergeFunction, normalized, sizes } from "./minmax.wgsl.ts";

const frame = (subgroup: number, arrays: readonly [string, string][], body: string): string => wgsl`
enable subgroups;
${declare(...arrays)}
@compute @workgroup_size(${subgroup})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
${sizes}
  let begin = group.x * P;
  let end = begin + P;
${body}
}`;

/** x [N,P] -> y [N,P], stats [N,4]. */
export const minMaxSubgroup = (subgroup: number): string => wgsl`
${frame(
  subgroup,
  [
    ["x", "f32"],
    ["stats", "vec4f"],
    ["y", "f32"],
  ],
  `
  // A lane without an element counts none of its own.
  let first = x[min(begin + lane, end - 1u)];
  let one = select(0.0, 1.0, begin + lane < end);
  var own = vec4f(first, one, first, one);
  for (var k = begin + lane + ${subgroup}u; k < end; k += ${subgroup}u) { own = merge(own, vec4f(x[k], 1.0, x[k], 1.0)); }
  let lo = subgroupMin(own.x);
  let hi = subgroupMax(own.z);
  let st = vec4f(lo, subgroupAdd(select(0.0, own.y, own.x == lo)), hi, subgroupAdd(select(0.0, own.w, own.z == hi)));
  if (lane == 0u) { stats[group.x] = st; }
  for (var k = begin + lane; k < end; k += ${subgroup}u) { y[k] = ${normalized("x[k]")}; }`,
)}
${mergeFunction}`;

/** x, dy [N,P], y, stats -> dx [N,P]. */
export const minMaxGradSubgroup = (subgroup: number): string => wgsl`
${frame(
  subgroup,
  [
    ["x", "f32"],
    ["dy", "f32"],
    ["y", "f32"],
    ["stats", "vec4f"],
    ["dx", "f32"],
  ],
  `
  let st = stats[group.x];
  var own = vec2f();
  for (var k = begin + lane; k < end; k += ${subgroup}u) { own += vec2f(dy[k], dy[k] * y[k]); }
  let sum = vec2f(subgroupAdd(own.x), subgroupAdd(own.y));
  for (var k = begin + lane; k < end; k += ${subgroup}u) {
${gradientAt("k")}
  }`,
)}`;
