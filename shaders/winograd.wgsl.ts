/**
 * Winograd's convolution F(m x m, 3 x 3) for 3 x 3 kernels of stride 1, in three steps, with n = m + 2:
 *
 *   U[a,b] = (G w G^T)[a,b]        weights   [3,3,CI,CO] -> U [n n, CI, CO]
 *   V[a,b] = (B^T x B)[a,b]        tiles of n x n input pixels, m apart -> V [n n, T, CI]
 *   M[a,b] = V[a,b] U[a,b]         n n matrix products (src/kernels/matmul.ts)
 *   y      = A^T M A               M [n n, T, CO] -> tiles of m x m output pixels
 *
 * The input gradient is the same convolution of dy with the kernel turned by 180 degrees and U transposed. The weight gradient is F(3 x 3, m x m): V as before, Z = G' dy G'^T of m x m tiles, products summed over the tiles, dw = A'^T M A'.
 * A thread takes one tile (or one channel) and four channels. T = N TH TW tiles, TH = ceil(OH / m), TW = ceil(OW / m).
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { epilogueOperands, finish, type Epilogue } from "./lib/epilogue.ts";
import { enableHalf, narrowed, stored } from "./lib/half.ts";
import { params } from "./lib/params.ts";
import { bindings, threadMain } from "./lib/thread.ts";
import { all, unroll } from "./lib/vec.ts";
import { sandwich, winogradMatrices, type TileSize } from "./lib/winograd.ts";

/** Taps of the kernel in one direction. */
export const TAPS = 3;

/**
 * Uniform: image [n, h, w, quads of channels], tiles down and across, padding, and the quads of the other channel count. The image's
 * channels may be some of all that are transformed: quads of all, and before the first.
 */
export const winogradFields = [
  "n",
  "h",
  "w",
  "quads",
  "down",
  "across",
  "ph",
  "pw",
  "other",
  "stride",
  "first",
] as const;

/** Reads `size` x `size` pixels of image `from` with its corner at (top, left) into d[row][column], zeros beyond the border. */
const loadTile = (from: string, size: number): string => wgsl`
${unroll(size, (i) => `  let iy${i} = top + ${i}; let inY${i} = u32(iy${i}) < p.h; let y${i} = (image * p.h + u32(iy${i})) * p.w;`)}
${unroll(size, (j) => `  let ix${j} = left + ${j}; let inX${j} = u32(ix${j}) < p.w;`)}
${unroll(size, (i) =>
  unroll(
    size,
    (j) =>
      `  let in${i}_${j} = inY${i} & inX${j}; let d${i}_${j} = select(vec4f(), ${from}[select(0u, (y${i} + u32(ix${j})) * p.quads + quad, in${i}_${j})], in${i}_${j});`,
  ),
)}`;

/**
 * The same of an image that is read at twice its height and width (half-pixel centres, so weights 3/4 and 1/4), with a padding of 1: from
 * n / 2 + 1 pixels of it in each direction.
 */
function loadEnlarged(from: string, n: number): string {
  const half = n / 2;
  /** Weights of neighbours k and k + 1 in line i = 2 k, 2 k + 1; none beyond the border. */
  const weights = (axis: "y" | "x", start: string, size: string) =>
    unroll(n, (i) => {
      const [a, b] = i % 2 ? [0.25, 0.75] : [0.75, 0.25];
      return `  let in${axis}${i} = u32(${start} + ${i}) < 2u * ${size}; let ${axis}a${i} = select(0.0, ${a}, in${axis}${i}); let ${axis}b${i} = select(0.0, ${b}, in${axis}${i});`;
    });
  return wgsl`
${weights("y", "top", "p.h")}
${weights("x", "left", "p.w")}
${unroll(half + 1, (i) => `  let y${i} = (image * p.h + u32(clamp((top - 1) / 2 + ${i}, 0, i32(p.h) - 1))) * p.w;`)}
${unroll(half + 1, (j) => `  let x${j} = u32(clamp((left - 1) / 2 + ${j}, 0, i32(p.w) - 1));`)}
${unroll(half + 1, (i) => unroll(half + 1, (j) => `  let s${i}_${j} = ${from}[(y${i} + x${j}) * p.quads + quad];`))}
${unroll(n, (i) => unroll(half + 1, (j) => `  let e${i}_${j} = ya${i} * s${i >> 1}_${j} + yb${i} * s${(i >> 1) + 1}_${j};`))}
${unroll(n, (i) => unroll(n, (j) => `  let d${i}_${j} = xa${j} * e${i}_${j >> 1} + xb${j} * e${i}_${(j >> 1) + 1};`))}`;
}

/** The tile and the vector of channels of item i, from which image `image` and its place (row, column) among the tiles follow. */
const whichTile = `
  let quad = i % p.quads;
  let tile = i / p.quads;
  let column = tile % p.across;
  let row = (tile / p.across) % p.down;
  let image = tile / (p.across * p.down);
  let tiles = p.n * p.down * p.across;`;

/**
 * Bindings x [N,H,W,C], v [n n, T, all channels]. With `enlarged`, of x at twice its height and width, and a padding of 1. One thread a tile
 * and four channels.
 */
export const winogradInput = (threads: number, n: TileSize, enlarged: boolean): string => {
  const m = n - TAPS + 1;
  const { inputs } = winogradMatrices(n, TAPS);
  return wgsl`
${bindings(["x", "vec4f"], ["v", "vec4f"])}
${params(winogradFields, 2)}
${threadMain(
  { items: "p.n * p.down * p.across * p.quads", threads },
  `${whichTile}
  let top = i32(row * ${m}u) - i32(p.ph);
  let left = i32(column * ${m}u) - i32(p.pw);
${enlarged ? loadEnlarged("x", n) : loadTile("x", n)}
${sandwich(
  inputs,
  (r, c) => `d${r}_${c}`,
  (r, c, name) => `v[(${r * n + c}u * tiles + tile) * p.stride + p.first + quad] = ${name};`,
)}`,
)}`;
};

/** Bindings dy [N,OH,OW,CO], z [n n, T, CO]: the tiles of dy as filters of m taps. One thread a tile and four channels. */
export const winogradOutputGrad = (threads: number, n: TileSize): string => {
  const m = n - TAPS + 1;
  const { filter } = winogradMatrices(n, m);
  return wgsl`
${bindings(["dy", "vec4f"], ["z", "vec4f"])}
${params(winogradFields, 2)}
${threadMain(
  { items: "p.n * p.down * p.across * p.quads", threads },
  `${whichTile}
  let top = i32(row * ${m}u);
  let left = i32(column * ${m}u);
${loadTile("dy", m)}
${sandwich(
  filter,
  (r, c) => `d${r}_${c}`,
  (r, c, name) => `z[(${r * n + c}u * tiles + tile) * p.quads + quad] = ${name};`,
)}`,
)}`;
};

/**
 * Bindings w [3,3,CI,CO], u [n n, CI, CO]; p.quads = CO / 4, p.other = CI. With `turned`, of the kernel turned by 180 degrees; with `half`,
 * u is stored in half precision. One thread an input channel and four output channels.
 */
export const winogradWeights = (threads: number, n: TileSize, turned: boolean, half: boolean): string => {
  const { filter } = winogradMatrices(n, TAPS);
  const tap = (r: number, c: number) => (turned ? TAPS * TAPS - 1 - (r * TAPS + c) : r * TAPS + c);
  return wgsl`
${enableHalf(half)}
${bindings(["w", "vec4f"], ["u", stored(4, half)])}
${params(winogradFields, 2)}
${threadMain(
  { items: "p.other * p.quads", threads },
  `  let size = p.other * p.quads;
${unroll(TAPS, (r) => unroll(TAPS, (c) => `  let d${r}_${c} = w[${tap(r, c)}u * size + i];`))}
${sandwich(
  filter,
  (r, c) => `d${r}_${c}`,
  (r, c, name) => `u[${r * n + c}u * size + i] = ${narrowed(name, 4, half)};`,
)}`,
)}`;
};

/** Bindings m [n n, T, all channels], (bias, plus: lib/epilogue.ts,) y [N,OH,OW,CO]. One thread a tile and four channels. */
export const winogradOutput = (threads: number, n: TileSize, epilogue: Epilogue): string => {
  const m = n - TAPS + 1;
  const { outputs } = winogradMatrices(n, TAPS);
  const names = ["m", ...epilogueOperands(epilogue), "y"];
  return wgsl`
${bindings(...names.map((name): [string, string] => [name, "vec4f"]))}
${params(winogradFields, names.length)}
${threadMain(
  { items: "p.n * p.down * p.across * p.quads", threads },
  `${whichTile}
  let top = row * ${m}u;
  let left = column * ${m}u;
${unroll(n, (r) => unroll(n, (c) => `  let d${r}_${c} = m[(${r * n + c}u * tiles + tile) * p.stride + p.first + quad];`))}
  let shift = ${epilogue.bias ? "bias[quad]" : "vec4f()"};
${sandwich(
  outputs,
  (r, c) => `d${r}_${c}`,
  (r, c, name) =>
    `if (${all(`top + ${r}u < p.h`, `left + ${c}u < p.w`)}) { let at = ((image * p.h + top + ${r}u) * p.w + left + ${c}u) * p.quads + quad; y[at] = ${finish(epilogue, "vec4f", name, "shift", "at")}; }`,
)}`,
)}`;
};

/**
 * Bindings m [n n, CI, CO], dw [3,3,CI,CO]; p.quads = CO / 4, p.other = CI. One thread an
 * input channel and four output channels.
 */
export const winogradFilterGrad = (threads: number, n: TileSize): string => {
  const { outputs } = winogradMatrices(n, n - TAPS + 1);
  return wgsl`
${bindings(["m", "vec4f"], ["dw", "vec4f"])}
${params(winogradFields, 2)}
${threadMain(
  { items: "p.other * p.quads", threads },
  `  let size = p.other * p.quads;
${unroll(n * n, (k) => `  let s${k} = m[${k}u * size + i];`)}
${sandwich(
  outputs,
  (r, c) => `s${r * n + c}`,
  (r, c, name) => `dw[${r * TAPS + c}u * size + i] = ${name};`,
)}`,
)}`;
};
