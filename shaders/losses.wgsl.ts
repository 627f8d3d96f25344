/**
 * Losses, one value per sample; their mean is a separate sum.
 *
 *   cross-entropy   l[n] = w[n] (log sum_k exp z[n,k] - z[n,label]),   dz = dl w (softmax(z) - onehot)
 *                   w[n] = N W[label n] / sum_m W[label m] with class weights W, so that the mean is PyTorch's weighted one; else 1
 *   nll             l[n] = -x[n,label],   dx[n,k] = -dl[n] if k = label, else 0
 *   soft Dice       l[n] = 1 - (2 I + S) / D,  I = sum p t,  D = sum p + sum t + S,   dp = dl (-2 t / D + (2 I + S) / D^2)
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { bindings, threadMain, type ThreadGrid } from "./lib/thread.ts";

/** Samples, classes, and the weight of each class, if any. */
export interface CrossEntropySize {
  samples: number;
  classes: number;
  weights?: readonly number[] | undefined;
}

/** K and, with class weights, `weight(n)`, the weight of sample n among all; each thread sums over the few labels itself. */
const crossEntropyConstants = ({ samples, classes, weights }: CrossEntropySize): string =>
  `const K = ${classes}u;` +
  (weights
    ? `
const N = ${samples}u;
const W = array<f32, K>(${weights.map((w) => `f32(${w})`).join(", ")});
fn weight(n: u32) -> f32 {
  var w = W;
  var sum = 0.0;
  for (var m = 0u; m < N; m++) { sum += w[label[m]]; }
  return f32(N) * w[label[n]] / sum;
}`
    : "");

const times = ({ weights }: CrossEntropySize, n: string): string => (weights ? `weight(${n}) * ` : "");

/** Bindings z [N,K], label u32 [N], loss [N], softmax [N,K]. One thread per sample. */
export const crossEntropy = (grid: ThreadGrid, size: CrossEntropySize): string => wgsl`
${bindings(["z", "f32"], ["label", "u32"], ["loss", "f32"], ["softmax", "f32"])}
${crossEntropyConstants(size)}
${threadMain(
  grid,
  `  var top = z[i * K];
  for (var k = 1u; k < K; k++) { top = max(top, z[i * K + k]); }
  var sum = 0.0;
  for (var k = 0u; k < K; k++) { sum += exp(z[i * K + k] - top); }
  for (var k = 0u; k < K; k++) { softmax[i * K + k] = exp(z[i * K + k] - top) / sum; }
  loss[i] = ${times(size, "i")}(log(sum) - (z[i * K + label[i]] - top));`,
)}`;

/** Bindings softmax [N,K], label [N], dl [N], dz [N,K]. One thread per element. */
export const crossEntropyGrad = (grid: ThreadGrid, size: CrossEntropySize): string => wgsl`
${bindings(["softmax", "f32"], ["label", "u32"], ["dl", "f32"], ["dz", "f32"])}
${crossEntropyConstants(size)}
${threadMain(grid, `  dz[i] = ${times(size, "i / K")}dl[i / K] * (softmax[i] - select(0.0, 1.0, label[i / K] == i % K));`)}`;

/** Bindings x [N,K], label u32 [N], loss [N]. One thread per sample. */
export const nll = (grid: ThreadGrid, classes: number): string => wgsl`
${bindings(["x", "f32"], ["label", "u32"], ["loss", "f32"])}
${threadMain(grid, `  loss[i] = -x[i * ${classes}u + label[i]];`)}`;

/** Bindings label [N], dl [N], dx [N,K]. One thread per element. */
export const nllGrad = (grid: ThreadGrid, classes: number): string => wgsl`
${bindings(["label", "u32"], ["dl", "f32"], ["dx", "f32"])}
${threadMain(grid, `  dx[i] = select(0.0, -dl[i / ${classes}u], label[i / ${classes}u] == i % ${classes}u);`)}`;

export interface DiceSize {
  samples: number;
  pixels: number;
  /** Runs into which each sample is cut. */
  runs: number;
  smooth: number;
}

const diceConstants = (s: DiceSize): string => `
const SAMPLES = ${s.samples}u; const P = ${s.pixels}u; const RUNS = ${s.runs}u; const RUN = ${Math.ceil(s.pixels / s.runs)}u;
const SMOOTH = f32(${s.smooth});`;

/** Bindings p, t [N,P], part [RUNS,N,4] = sums of p t, p, t, 0. One thread per run. */
export const diceRuns = (s: DiceSize, grid: ThreadGrid): string => wgsl`
${bindings(["p", "f32"], ["t", "f32"], ["part", "vec4f"])}
${diceConstants(s)}
${threadMain(
  grid,
  `  let begin = (i % SAMPLES) * P + (i / SAMPLES) * RUN;
  let end = min(begin + RUN, (i % SAMPLES + 1u) * P);
  var sum = vec4f();
  for (var k = begin; k < end; k++) { sum += vec4f(p[k] * t[k], p[k], t[k], 0.0); }
  part[i] = sum;`,
)}`;

/** Bindings part [RUNS,N,4], loss [N], slope [N,2] = -2 / D, (2 I + S) / D^2. One thread per sample. */
export const diceMerge = (s: DiceSize, grid: ThreadGrid): string => wgsl`
${bindings(["part", "vec4f"], ["loss", "f32"], ["slope", "vec2f"])}
${diceConstants(s)}
${threadMain(
  grid,
  `  var sum = vec4f();
  for (var k = 0u; k < RUNS; k++) { sum += part[k * SAMPLES + i]; }
  let d = sum.y + sum.z + SMOOTH;
  let overlap = 2.0 * sum.x + SMOOTH;
  loss[i] = 1.0 - overlap / d;
  slope[i] = vec2f(-2.0 / d, overlap / d / d);`,
)}`;

/** Bindings t [N,P], slope [N,2], dl [N], dp [N,P]. One thread per element. */
export const diceGrad = (s: DiceSize, grid: ThreadGrid): string => wgsl`
${bindings(["t", "f32"], ["slope", "vec2f"], ["dl", "f32"], ["dp", "f32"])}
${diceConstants(s)}
${threadMain(
  grid,
  `  let n = i / P;
  dp[i] = dl[n] * (slope[n].x * t[i] + slope[n].y);`,
)}`;
