/**
 * Average pooling over windows of one size, or over as many windows as the result has pixels, and the gradients by gathering.
 *
 *   fixed      window o covers [o S - PAD, o S - PAD + K) of each axis; y = sum of x inside the image / (KH KW)
 *   adaptive   window o covers [floor(o H / OH), ceil((o + 1) H / OH)); y = mean of x
 *   dx = sum over the windows that hold the pixel of dy / what that window divides by
 *
 * x [N,H,W,C], y [N,OH,OW,C], in vectors of `lanes` channels. Sizes come as a uniform. One thread per vector of y, or of dx.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { params } from "./lib/params.ts";
import { bindings, threadMain } from "./lib/thread.ts";
import { vec, type Lanes } from "./lib/vec.ts";

/** Uniform: sizes of x and y; vectors per pixel; kernel, stride and padding, which adaptive windows do not read. */
export const avgPoolFields = ["h", "w", "oh", "ow", "quads", "kh", "kw", "sh", "sw", "ph", "pw"] as const;

/** The pixels [x, y) that window `o` covers, of `n`; and the windows [x, y) of `many` that hold pixel `i`. */
const ranges = `
fn covered(o: u32, n: u32, k: u32, s: u32, pad: u32) -> vec2u {
  return vec2u(max(o * s, pad), min(o * s + k, n + pad)) - vec2u(pad);
}
fn holding(i: u32, many: u32, k: u32, s: u32, pad: u32) -> vec2u {
  let last = i + pad;
  return vec2u(select(0u, (last - k) / s + 1u, last >= k), min(last / s + 1u, many));
}
fn covered_adaptive(o: u32, n: u32, many: u32) -> vec2u {
  return vec2u(o * n / many, ((o + 1u) * n + many - 1u) / many);
}`;

const head = (lanes: Lanes, from: string, to: string): string => `
${bindings([from, vec(lanes)], [to, vec(lanes)])}
${params(avgPoolFields, 2)}
${ranges}`;

/** Bindings x, y. */
export const avgPool = (threads: number, lanes: Lanes, adaptive: boolean): string => wgsl`
${head(lanes, "x", "y")}
${threadMain(
  { items: "arrayLength(&y)", threads },
  `  let q = i % p.quads;
  let ox = i / p.quads % p.ow;
  let oy = i / p.quads / p.ow % p.oh;
  let n = i / p.quads / p.ow / p.oh;
  let rows = ${adaptive ? "covered_adaptive(oy, p.h, p.oh)" : "covered(oy, p.h, p.kh, p.sh, p.ph)"};
  let columns = ${adaptive ? "covered_adaptive(ox, p.w, p.ow)" : "covered(ox, p.w, p.kw, p.sw, p.pw)"};
  var sum = ${vec(lanes)}();
  for (var iy = rows.x; iy < rows.y; iy++) {
    for (var ix = columns.x; ix < columns.y; ix++) {
      sum += x[((n * p.h + iy) * p.w + ix) * p.quads + q];
    }
  }
  y[i] = sum / f32(${adaptive ? "(rows.y - rows.x) * (columns.y - columns.x)" : "p.kh * p.kw"});`,
)}`;

/** Pixels of an adaptive window, along both axes. */
const share = `
    let width = covered_adaptive(ox, p.w, p.ow);
    sum += dy[at] / f32((height.y - height.x) * (width.y - width.x));`;

/** Bindings dy, dx. */
export const avgPoolGrad = (threads: number, lanes: Lanes, adaptive: boolean): string => wgsl`
${head(lanes, "dy", "dx")}
${threadMain(
  { items: "arrayLength(&dx)", threads },
  `  let q = i % p.quads;
  let ix = i / p.quads % p.w;
  let iy = i / p.quads / p.w % p.h;
  let n = i / p.quads / p.w / p.h;
  let rows = ${adaptive ? "covered_adaptive(iy, p.oh, p.h)" : "holding(iy, p.oh, p.kh, p.sh, p.ph)"};
  let columns = ${adaptive ? "covered_adaptive(ix, p.ow, p.w)" : "holding(ix, p.ow, p.kw, p.sw, p.pw)"};
  var sum = ${vec(lanes)}();
  for (var oy = rows.x; oy < rows.y; oy++) {
${adaptive ? "    let height = covered_adaptive(oy, p.h, p.oh);" : ""}
    for (var ox = columns.x; ox < columns.y; ox++) {
      let at = ((n * p.oh + oy) * p.ow + ox) * p.quads + q;
      ${adaptive ? share : "sum += dy[at];"}
    }
  }
  dx[i] = sum${adaptive ? "" : " / f32(p.kh * p.kw)"};`,
)}`;
