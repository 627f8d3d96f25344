/**
 * Convolution, one output element per thread: the form that runs on every adapter and covers groups.
 *
 *   forward       y[n,oy,ox,co]   = bias[co] + sum_{ky,kx,c} x[n, oy SH - PH + ky DH, ox SW - PW + kx DW, c] w[ky,kx,c,co]
 *   input grad    dx[n,iy,ix,ci]  = sum_{ky,kx,co} dy[n,oy,ox,co] w[ky,kx,c,co]   over the (oy,ox) that read (iy,ix)
 *   weight grad   dw[ky,kx,c,co]  = sum_{n,oy,ox} x[n,iy,ix,ci] dy[n,oy,ox,co]
 *
 * x [N,H,W,CI], w [KH,KW,CI/groups,CO], (bias, plus: lib/epilogue.ts,) y [N,OH,OW,CO]. Group g has the CI/groups inputs from
 * channel g CI/groups on and the CO/groups outputs from channel g CO/groups on. Sizes come as a uniform (lib/conv.ts).
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { convHead, type Conv2dShape } from "./lib/conv.ts";
import { convSizes } from "./lib/conv-sizes.ts";
import { epilogueOperands, finish, rectifier, type Epilogue } from "./lib/epilogue.ts";
import { bindings, threadMain } from "./lib/thread.ts";

const sizes = `${convSizes}
  let CIG = CI / p.groups; let COG = CO / p.groups;`;

/** `main` for a result, bound last, whose elements are summed in `sum`. */
const resultMain = (
  shape: Conv2dShape,
  [x, w, y]: readonly [string, string, string],
  epilogue: Epilogue,
  { items, threads }: { items: string; threads: number },
  channel: string,
  body: string,
): string => {
  const names = [x, w, ...epilogueOperands(epilogue), y];
  return wgsl`
${bindings(...names.map((name): [string, string] => [name, "f32"]))}${rectifier(epilogue, "f32")}
${convHead(shape, names.length)}
${threadMain(
  { items, threads },
  `${body}
  ${y}[i] = ${finish(epilogue, "sum", `bias[${channel}]`, "i")};`,
)}`;
};

export const conv2dPlainForward = (shape: Conv2dShape, epilogue: Epilogue, threads: number): string =>
  resultMain(
    shape,
    ["x", "w", "y"],
    epilogue,
    { items: "p.n * p.oh * p.ow * p.co", threads },
    "co",
    `${sizes}
  let co = i % CO;
  let ox = (i / CO) % OW;
  let oy = (i / CO / OW) % OH;
  let n = i / CO / OW / OH;
  let first = (co / COG) * CIG;
  var sum = 0.0;
  for (var ky = 0u; ky < KH; ky++) {
    let iy = i32(oy) * SH - PH + i32(ky) * DH;
    if (iy < 0 || iy >= i32(H)) { continue; }
    for (var kx = 0u; kx < KW; kx++) {
      let ix = i32(ox) * SW - PW + i32(kx) * DW;
      if (ix < 0 || ix >= i32(W)) { continue; }
      let xi = ((n * H + u32(iy)) * W + u32(ix)) * CI + first;
      let wi = (ky * KW + kx) * CIG * CO + co;
      for (var c = 0u; c < CIG; c++) { sum += x[xi + c] * w[wi + c * CO]; }
    }
  }
`,
  );

export const conv2dPlainInputGrad = (shape: Conv2dShape, epilogue: Epilogue, threads: number): string =>
  resultMain(
    shape,
    ["dy", "w", "dx"],
    epilogue,
    { items: "p.n * p.h * p.w * p.ci", threads },
    "ci",
    `
${sizes}
  let ci = i % CI;
  let ix = (i / CI) % W;
  let iy = (i / CI / W) % H;
  let n = i / CI / W / H;
  let c = ci % CIG;
  let first = (ci / CIG) * COG;
  var sum = 0.0;
  for (var ky = 0u; ky < KH; ky++) {
    let ty = i32(iy) + PH - i32(ky) * DH;
    if (ty < 0 || ty % SH != 0 || ty / SH >= i32(OH)) { continue; }
    for (var kx = 0u; kx < KW; kx++) {
      let tx = i32(ix) + PW - i32(kx) * DW;
      if (tx < 0 || tx % SW != 0 || tx / SW >= i32(OW)) { continue; }
      let yi = ((n * OH + u32(ty / SH)) * OW + u32(tx / SW)) * CO + first;
      let wi = ((ky * KW + kx) * CIG + c) * CO + first;
      for (var o = 0u; o < COG; o++) { sum += dy[yi + o] * w[wi + o]; }
    }
  }
`,
  );

export const conv2dPlainWeightGrad = (shape: Conv2dShape, threads: number): string => wgsl`
${bindings(["x", "f32"], ["dy", "f32"], ["dw", "f32"])}
${convHead(shape, 3)}
${threadMain(
  { items: "KH * KW * (p.ci / p.groups) * p.co", threads },
  `${sizes}
  let co = i % CO;
  let ci = (i / CO) % CIG + (co / COG) * CIG;
  let kx = (i / CO / CIG) % KW;
  let ky = i / CO / CIG / KW;
  // One partial sum a row, so that rounding grows with the row and the number of rows, not with their product.
  var sum = 0.0;
  for (var n = 0u; n < N; n++) {
    for (var oy = 0u; oy < OH; oy++) {
      let iy = i32(oy) * SH - PH + i32(ky) * DH;
      if (iy < 0 || iy >= i32(H)) { continue; }
      var row = 0.0;
      for (var ox = 0u; ox < OW; ox++) {
        let ix = i32(ox) * SW - PW + i32(kx) * DW;
        if (ix < 0 || ix >= i32(W)) { continue; }
        row += x[((n * H + u32(iy)) * W + u32(ix)) * CI + ci] * dy[((n * OH + oy) * OW + ox) * CO + co];
      }
      sum += row;
    }
  }
  dw[i] = sum;`,
)}`;
