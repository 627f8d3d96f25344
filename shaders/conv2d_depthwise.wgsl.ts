/**
 * Depthwise convolution: as many groups as input and output channels, C. No element of one operand meets more than one channel of
 * the other, so there is nothing to share between channels; a thread takes one vector of channels, at several pixels or taps.
 *
 *   forward       y[n,oy,ox,c]  = sum_{ky,kx} x[n, oy SH - PH + ky DH, ox SW - PW + kx DW, c] w[ky,kx,c]
 *   input grad    dx[n,iy,ix,c] = sum_{ky,kx} dy[n,oy,ox,c] w[ky,kx,c]   over the (oy,ox) that read (iy,ix)
 *   weight grad   dw[ky,kx,c]   = sum_{n,oy,ox} x[n,iy,ix,c] dy[n,oy,ox,c], lines of pixels cut into splits of p.extra lines
 *
 * x [N,H,W,C], w [KH,KW,1,C], (bias, plus: lib/epilogue.ts,) y [N,OH,OW,C], all as vectors of `lanes` channels. A thread computes
 * PIXELS_PER_THREAD pixels of a line (in the input gradient SW apart, since pixels congruent modulo SW are reached by the same
 * taps) or a line of taps of one split; dw is then [splits,KH,KW,1,C].
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { convHead, type Conv2dShape } from "./lib/conv.ts";
import { convSizes } from "./lib/conv-sizes.ts";
import { epilogueOperands, finish, rectifier, type Epilogue } from "./lib/epilogue.ts";
import { bindings, threadMain } from "./lib/thread.ts";
import { unroll, vec, type Lanes } from "./lib/vec.ts";

/** Pixels of a line that a thread computes. */
export const PIXELS_PER_THREAD = 4;

/** Vector of channels `c`, and the rest of the item's index. */
const channel = (lanes: Lanes): string => `${convSizes}
  let COLS = CO / ${lanes}u;
  let c = i % COLS;
  let rest = i / COLS;`;

export const conv2dDepthwiseForward = (s: Conv2dShape, epilogue: Epilogue, threads: number, lanes: Lanes): string => {
  const type = vec(lanes);
  const names = ["x", "w", ...epilogueOperands(epilogue), "y"];
  return wgsl`
${bindings(...names.map((name): [string, string] => [name, type]))}${rectifier(epilogue, type)}
${convHead(s, names.length)}
${threadMain(
  { items: `p.n * p.oh * ((p.ow + ${PIXELS_PER_THREAD - 1}u) / ${PIXELS_PER_THREAD}u) * (p.co / ${lanes}u)`, threads },
  `${channel(lanes)}
  let RUNS = (OW + ${PIXELS_PER_THREAD - 1}u) / ${PIXELS_PER_THREAD}u;
  let ox = rest % RUNS * ${PIXELS_PER_THREAD}u;
  let line = rest / RUNS;
  let image = line / OH * H;
  let top = i32(line % OH) * SH - PH;
${unroll(PIXELS_PER_THREAD, (j) => `  var sum${j} = ${type}();`)}
  for (var ky = 0u; ky < KH; ky++) {
    let iy = top + i32(ky) * DH;
    if (u32(iy) >= H) { continue; }
    for (var kx = 0u; kx < KW; kx++) {
      let weight = w[(ky * KW + kx) * COLS + c];
${unroll(
  PIXELS_PER_THREAD,
  (j) => `
      let ix${j} = i32(ox + ${j}u) * SW - PW + i32(kx) * DW;
      if (u32(ix${j}) < W) { sum${j} += x[((image + u32(iy)) * W + u32(ix${j})) * COLS + c] * weight; }`,
)}
    }
  }
${unroll(
  PIXELS_PER_THREAD,
  (j) => `
  if (ox + ${j}u < OW) {
    let at = (line * OW + ox + ${j}u) * COLS + c;
    y[at] = ${finish(epilogue, `sum${j}`, "bias[c]", "at")};
  }`,
)}`,
)}`;
};

export const conv2dDepthwiseInputGrad = (s: Conv2dShape, epilogue: Epilogue, threads: number, lanes: Lanes): string => {
  const type = vec(lanes);
  const names = ["dy", "w", ...epilogueOperands(epilogue), "dx"];
  const run = PIXELS_PER_THREAD * s.stride[1];
  return wgsl`
${bindings(...names.map((name): [string, string] => [name, type]))}
${convHead(s, names.length)}
${threadMain(
  { items: `p.n * p.h * ((p.w + ${run - 1}u) / ${run}u) * ${s.stride[1]}u * (p.ci / ${lanes}u)`, threads },
  `${channel(lanes)}
  let RUNS = (W + ${run - 1}u) / ${run}u * ${s.stride[1]}u;
  let phase = rest % RUNS % ${s.stride[1]}u;
  let first = rest % RUNS / ${s.stride[1]}u * ${PIXELS_PER_THREAD}u;
  let line = rest / RUNS;
  let image = line / H * OH;
${unroll(PIXELS_PER_THREAD, (j) => `  var sum${j} = ${type}();`)}
  for (var ky = 0u; ky < KH; ky++) {
    let ty = i32(line % H) + PH - i32(ky) * DH;
    if ((ty % SH != 0) | (u32(ty / SH) >= OH)) { continue; }
    for (var kx = 0u; kx < KW; kx++) {
      let tx = i32(phase) + PW - i32(kx) * DW;
      if (tx % SW != 0) { continue; }
      let weight = w[(ky * KW + kx) * COLS + c];
${unroll(
  PIXELS_PER_THREAD,
  (j) => `
      let ox${j} = i32(first + ${j}u) + tx / SW;
      if (u32(ox${j}) < OW) { sum${j} += dy[((image + u32(ty / SH)) * OW + u32(ox${j})) * COLS + c] * weight; }`,
)}
    }
  }
${unroll(
  PIXELS_PER_THREAD,
  (j) => `
  let ix${j} = (first + ${j}u) * ${s.stride[1]}u + phase;
  if (ix${j} < W) {
    let at = (line * W + ix${j}) * COLS + c;
    dx[at] = ${finish(epilogue, `sum${j}`, "bias[c]", "at")};
  }`,
)}`,
)}`;
};

export const conv2dDepthwiseWeightGrad = (s: Conv2dShape, threads: number, lanes: Lanes): string => {
  const type = vec(lanes);
  return wgsl`
${bindings(["x", type], ["dy", type], ["dw", type])}
${convHead(s, 3)}
${threadMain(
  { items: `(p.n * p.oh + p.extra - 1u) / p.extra * KH * (p.co / ${lanes}u)`, threads },
  `${channel(lanes)}
  let ky = rest % KH;
  let begin = rest / KH * p.extra;
  let end = min(begin + p.extra, N * OH);
${unroll(s.kw, (k) => `  var sum${k} = ${type}();`)}
  for (var line = begin; line < end; line++) {
    let iy = i32(line % OH) * SH - PH + i32(ky) * DH;
    if (u32(iy) >= H) { continue; }
    let start = (line / OH * H + u32(iy)) * W;
    // One partial sum a line, so that rounding grows with the line and the number of lines, not with their product.
${unroll(s.kw, (k) => `    var line${k} = ${type}();`)}
    for (var ox = 0u; ox < OW; ox++) {
      let d = dy[(line * OW + ox) * COLS + c];
${unroll(
  s.kw,
  (k) => `
      let ix${k} = i32(ox) * SW - PW + ${k} * DW;
      if (u32(ix${k}) < W) { line${k} += x[(start + u32(ix${k})) * COLS + c] * d; }`,
)}
    }
${unroll(s.kw, (k) => `    sum${k} += line${k};`)}
  }
${unroll(s.kw, (k) => `  dw[(rest * KW + ${k}u) * COLS + c] = sum${k};`)}`,
)}`;
};
