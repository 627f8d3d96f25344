/**
 * The channel weights of Mask-Guided Attention, two linear layers on the descriptor p [N,C] with R hidden features, and their
 * gradients.
 *
 *   h = relu(p W1 + b1)      a = sigmoid(h W2 + b2)
 *   z2 = da a (1 - a)        dW2 = h^T z2,  db2 = sum_n z2        z1 = [h > 0] (z2 W2^T)
 *   g = z1 W1^T / P          dW1 = p^T z1,  db1 = sum_n z1
 *
 * W1 [C,R], W2 [R,C]. Arrays along C are in vectors of `lanes` channels unless stated otherwise. The products are small: one
 * thread per result, and one dispatch for those that depend on the same operands.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { params } from "./lib/params.ts";
import { bindings, threadMain } from "./lib/thread.ts";
import { horizontalSum, rectified, vec, type Lanes } from "./lib/vec.ts";

/** Uniform: N; R and C, and both in vectors; number of runs whose sums add up to da; pixels P per sample. */
export const gateFields = ["samples", "hidden", "hiddenQuads", "channels", "quads", "runs", "pixels"] as const;

const declare = (...arrays: [string, string][]): string => `
${bindings(...arrays)}
${params(gateFields, arrays.length)}`;

const sizes = "  let N = p.samples; let R = p.hidden; let C = p.channels; let QUADS = p.quads;";

/** Bindings mean [N,C], w1, b1, h [N,R]; all scalar. */
export const gateHidden = (threads: number): string => wgsl`
${declare(["mean", "f32"], ["w1", "f32"], ["b1", "f32"], ["h", "f32"])}
${threadMain(
  { items: "p.samples * p.hidden", threads },
  `${sizes}
  let r = i % R;
  let n = i / R;
  var sum = b1[r];
  for (var c = 0u; c < C; c++) { sum += mean[n * C + c] * w1[c * R + r]; }
  h[i] = ${rectified("sum", "f32")};`,
)}`;

/** Bindings h, w2, b2, a [N,C]. */
export const gateAttention = (threads: number, lanes: Lanes): string => wgsl`
${declare(["h", "f32"], ["w2", vec(lanes)], ["b2", vec(lanes)], ["a", vec(lanes)])}
${threadMain(
  { items: "p.samples * p.quads", threads },
  `${sizes}
  let q = i % QUADS;
  let n = i / QUADS;
  var sum = b2[q];
  for (var r = 0u; r < R; r++) { sum += h[n * R + r] * w2[r * QUADS + q]; }
  a[i] = 1.0 / (1.0 + exp(-sum));`,
)}`;

/** Bindings part [RUNS,N,C], whose sum is da; a; z2 [N,C]. */
export const gateLogitsGrad = (threads: number, lanes: Lanes): string => wgsl`
${declare(["part", vec(lanes)], ["a", vec(lanes)], ["z2", vec(lanes)])}
${threadMain(
  { items: "p.samples * p.quads", threads },
  `${sizes}
  var sum = part[i];
  for (var k = 1u; k < p.runs; k++) { sum += part[k * N * QUADS + i]; }
  z2[i] = sum * a[i] * (1.0 - a[i]);`,
)}`;

/** Bindings z2, h, w2, z1 [N,R], dw2, db2. */
export const gateSecondGrad = (threads: number, lanes: Lanes): string => {
  const type = vec(lanes);
  return wgsl`
${declare(["z2", type], ["h", "f32"], ["w2", type], ["z1", "f32"], ["dw2", type], ["db2", type])}
${threadMain(
  { items: "p.samples * p.hidden + (p.hidden + 1u) * p.quads", threads },
  `${sizes}
  if (i < N * R) {
    let r = i % R;
    let n = i / R;
    var sum = ${type}();
    for (var q = 0u; q < QUADS; q++) { sum += z2[n * QUADS + q] * w2[r * QUADS + q]; }
    z1[i] = select(0.0, ${horizontalSum("sum", lanes)}, h[i] > 0.0);
    return;
  }
  // Row R stands for the bias.
  let q = (i - N * R) % QUADS;
  let r = (i - N * R) / QUADS;
  var sum = ${type}();
  for (var n = 0u; n < N; n++) { sum += z2[n * QUADS + q] * select(1.0, h[n * R + min(r, R - 1u)], r < R); }
  if (r < R) { dw2[r * QUADS + q] = sum; } else { db2[q] = sum; }`,
)}`;
};

/** Bindings z1, mean, w1, g [N,C], dw1, db1; here arrays along R are in vectors of `lanes`. */
export const gateFirstGrad = (threads: number, lanes: Lanes): string => {
  const type = vec(lanes);
  return wgsl`
${declare(["z1", type], ["mean", "f32"], ["w1", type], ["g", "f32"], ["dw1", type], ["db1", type])}
${threadMain(
  { items: "p.samples * p.channels + (p.channels + 1u) * p.hiddenQuads", threads },
  `${sizes}
  let HIDDEN = p.hiddenQuads;
  if (i < N * C) {
    let c = i % C;
    let n = i / C;
    var sum = ${type}();
    for (var r = 0u; r < HIDDEN; r++) { sum += z1[n * HIDDEN + r] * w1[c * HIDDEN + r]; }
    g[i] = ${horizontalSum("sum", lanes)} / f32(p.pixels);
    return;
  }
  // Row C stands for the bias.
  let r = (i - N * C) % HIDDEN;
  let c = (i - N * C) / HIDDEN;
  var sum = ${type}();
  for (var n = 0u; n < N; n++) { sum += z1[n * HIDDEN + r] * select(1.0, mean[n * C + min(c, C - 1u)], c < C); }
  if (c < C) { dw1[c * HIDDEN + r] = sum; } else { db1[r] = sum; }`,
)}`;
};
