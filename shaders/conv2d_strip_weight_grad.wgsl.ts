/**
 * The weight gradient of a convolution with few result channels, by strips of pixels (conv2d_strip.wgsl.ts).
 *
 *   dw[ky,kx,c,:] = sum over n, y, x of x[n, y + ky - PH, x + kx - PW, c] dy[n,y,x,:]
 *
 * P is split; a second kernel adds the partial sums. Sizes come as a uniform; stride and dilation 1.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { pixelLoader, stripFields, type Strip } from "./conv2d_strip.wgsl.ts";
import { params } from "./lib/params.ts";
import { addTeams } from "./lib/team.ts";
import { collected } from "./lib/loops.ts";
import { bindings, loop } from "./lib/thread.ts";
import { component, unroll, vec } from "./lib/vec.ts";

export type GradStrip = Pick<Strip, "subgroup" | "lane" | "quads" | "chunk" | "kh" | "kw" | "grouped">;

/** Uniform: input [n, h, w, c], output height and width, padding, rows of a strip, and strips of a split. */
export const stripGradFieldsOf = (grouped: boolean) =>
  [...stripFields, "rows", "run", ...(grouped ? (["groups"] as const) : [])] as const;

/**
 * Weight gradient. A workgroup takes one kernel column and one chunk of input channels, a lane one strip of p.rows pixels after
 * another; down a strip, the input pixels under the kernel shift by one row at a time. The lanes' sums are added at the end.
 * Bindings x [N,H,W,C], dy [N,OH,OW,CO], part [splits,KH,KW,C,CO]. Dispatch: (KW C / chunk, splits).
 */
export const conv2dStripWeightGrad = (t: GradStrip): string => {
  const { subgroup, lane, quads, chunk, kh, kw, grouped } = t;
  const out = vec(lane);
  // One for each row of the kernel, channel of the chunk and vector of result channels, in this order.
  const accumulators = Array.from({ length: kh * chunk * quads }, (_, e) => {
    const [ky, k, q] = [Math.floor(e / (chunk * quads)), Math.floor(e / quads) % chunk, e % quads];
    return { ky, k, q, name: `acc${ky}_${k}_${q}` };
  });
  const pixel = (row: string): string => `loadX(image, i32(${row}) - i32(p.ph), ix, c)`;
  return wgsl`
enable subgroups;
${bindings(["x", vec(chunk)], ["dy", out], ["part", out])}
${params(stripGradFieldsOf(t.grouped), 3)}
${pixelLoader(chunk)}
@compute @workgroup_size(${subgroup})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let kx = group.x % ${kw}u;
  let c = group.x / ${kw}u;${
    grouped
      ? `
  let steps = p.c / ${chunk}u / p.groups;
  let own = c / steps;`
      : ""
  }
  let strips = (p.oh + p.rows - 1u) / p.rows;
  let items = p.n * strips * p.ow;
  let end = min((group.y + 1u) * p.run, items);
${accumulators.map(({ name }) => `  var ${name} = ${out}();`).join("\n")}
  for (var first = group.y * p.run; first < end; first += ${subgroup}u) {
    let item = min(first + lane, end - 1u);
    let mine = first + lane < end;
    let column = item % p.ow;
    let top = (item / p.ow) % strips * p.rows;
    let image = item / p.ow / strips;
    // Beyond the border where the item is none of the split's.
    let ix = select(-1, i32(column + kx) - i32(p.pw), mine);
${unroll(kh - 1, (ky) => `    var a${ky + 1} = ${pixel(`top + ${ky}u`)};`)}
    for (var r = 0u; r < p.rows; r++) {
${unroll(kh - 1, (ky) => `      let a${ky} = a${ky + 1};`).replaceAll("let a", "let b")}
      let last = ${pixel(`top + r + ${kh - 1}u`)};
      let row = top + r;
      let inY = row < p.oh;
      let at = ((image * p.oh + min(row, p.oh - 1u)) * p.ow + column) * ${grouped ? `p.groups * ${quads}u + own * ${quads}u` : `${quads}u`};
${unroll(quads, (q) => `      let d${q} = select(${out}(), dy[at + ${q}u], inY);`)}
${accumulators.map(({ ky, k, q, name }) => `      ${name} += ${component(ky === kh - 1 ? "last" : `b${ky}`, k, chunk)} * d${q};`).join("\n")}
${unroll(kh - 1, (ky) => `      a${ky + 1} = ${ky === kh - 2 ? "last" : `b${ky + 1}`};`)}
    }
  }
${collected(
  out,
  accumulators.map(({ name }) => name),
)}
${loop(
  "e",
  accumulators.length,
  wgsl`
  var sum = all[e];
${addTeams("sum", { subgroup, team: 1 })}
  let ky = e / ${chunk * quads}u; let k = e / ${quads}u % ${chunk}u; let q = e % ${quads}u;
  if (lane == 0u) { part[${
    grouped
      ? `((((group.y * ${kh}u + ky) * ${kw}u + kx) * steps + c % steps) * ${chunk}u + k) * p.groups * ${quads}u + own * ${quads}u + q`
      : `(((group.y * ${kh}u + ky) * ${kw}u + kx) * p.c + c * ${chunk}u + k) * ${quads}u + q`
  }] = sum; }`,
)}
}`;
};
