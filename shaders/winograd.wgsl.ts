/**
 * Winograd's convolution F(m x m, 3 x 3) for 3 x 3 kernels of stride 1, in three steps, with n = m + 2.
 *
 *   U[a,b] = (G w G^T)[a,b]        weights   [3,3,CI,CO] -> U [n n, CI, CO]
 *   V[a,b] = (B^T x B)[a,b]        tiles of n x n input pixels, m apart -> V [n n, T, CI]
 *   M[a,b] = V[a,b] U[a,b]         n n matrix products (src/kernels/matmul.ts)
 *   y      = A^T M A               M [n n, T, CO] -> tiles of m x m output pixels
 *
 * The input gradient is the same convolution of dy with the kernel rotated by 180 degrees and U transposed. The weight gradient
 * is F(3 x 3, m x m): V as before, Z = G' dy G'^T of m x m tiles, products summed over the tiles, dw = A'^T M A'.
 * A thread takes one tile (or one channel) and four channels. T = N TH TW tiles, TH = ceil(OH / m), TW = ceil(OW / m).
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { TAPS } from "./lib/conv.ts";
import { epilogueOperands, finish, rectifier, type Epilogue } from "./lib/epilogue.ts";
import { enableHalf, narrowed, stored } from "./lib/half.ts";
import { params } from "./lib/params.ts";
import { bindings, threadMain, type loop } from "./lib/thread.ts";
import { all, unroll } from "./lib/vec.ts";
import { sandwich, winogradMatrices, type Square, type TileSize } from "./lib/winograd.ts";

/**
 * Uniform: image [n, h, w, quads of channels], tiles down and across, padding, and the quads of the other channel count. The
 * image may hold only some of the channels that are transformed: quads of all of them, and quads before its first.
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

/** `size` x `size` pixels of image `from` with their corner at (top, left), zeros beyond the border. */
const tileOf = (from: string, size: number): Square => ({
  before: wgsl`
${unroll(size, (j) => `  let ix${j} = u32(left + ${j}); let inX${j} = ix${j} < p.w; let x${j} = ix${j} * p.quads;`)}
  let pitch = p.w * p.quads;
  var iy = u32(top);
  var line = (image * p.h + iy) * pitch + quad;`,
  rows: wgsl`
  let inY = iy < p.h;
${unroll(size, (j) => `  let in${j} = inY & inX${j}; let l0_${j} = select(vec4f(), ${from}[select(0u, line + x${j}, in${j})], in${j});`)}
  iy++;
  line += pitch;`,
  step: 1,
});

/**
 * The same for an image read at twice its height and width (half-pixel centres, so weights 3/4 and 1/4), with a padding of 1:
 * from n / 2 + 1 of its pixels in each direction. Lines 2 k and 2 k + 1 come from lines k and k + 1; the latter is kept for the
 * next two.
 */
function enlargedTileOf(from: string, n: number): Square {
  const half = n / 2;
  const near = [0.75, 0.25];
  const line = (name: string, k: string) => wgsl`
  let y${name} = (image * p.h + u32(clamp((top - 1) / 2 + i32(${k}), 0, i32(p.h) - 1))) * p.w;
${unroll(half + 1, (j) => `  ${name}${j} = ${from}[(y${name} + x${j}) * p.quads + quad];`)}`;
  return {
    before: wgsl`
${unroll(half + 1, (j) => `  let x${j} = u32(clamp((left - 1) / 2 + ${j}, 0, i32(p.w) - 1)); var above${j}: vec4f; var below${j}: vec4f;`)}
${unroll(n, (j) => `  let inX${j} = u32(left + ${j}) < 2u * p.w; let xa${j} = select(0.0, ${near[j % 2]}, inX${j}); let xb${j} = select(0.0, ${near[1 - (j % 2)]}, inX${j});`)}
${line("below", "0")}`,
    rows: wgsl`
${unroll(half + 1, (j) => `  above${j} = below${j};`)}
${line("below", "r / 2u + 1u")}
${unroll(2, (k) => {
  const mix = (j: number) => `ya${k} * above${j} + yb${k} * below${j}`;
  return wgsl`
  let inY${k} = u32(top) + r + ${k}u < 2u * p.h; let ya${k} = select(0.0, ${near[k]}, inY${k}); let yb${k} = select(0.0, ${near[1 - k]}, inY${k});
${unroll(half + 1, (j) => `  let m${k}_${j} = ${mix(j)};`)}
${unroll(n, (j) => `  let l${k}_${j} = xa${j} * m${k}_${j >> 1} + xb${j} * m${k}_${(j >> 1) + 1};`)}`;
})}`,
    step: 2,
  };
}

/** n x n values that lie `pitch` apart in `from`, starting at index `at`. */
const planes = (from: string, n: number, at: string, pitch: string): Square => ({
  before: `  var plane = ${at}; let pitch = ${pitch};`,
  rows: unroll(n, (j) => `  let l0_${j} = ${from}[plane]; plane += pitch;`),
  step: 1,
});

export interface Threads {
  /** Per workgroup. */
  threads: number;
  /** `loop`, or `openLoop` where unrolled code compiles quickly. */
  round: typeof loop;
}

/** The tile and the vector of channels of item i, and from the tile its image `image` and its place (down, across) there. */
const whichTile = `
  let quad = i % p.quads;
  let tile = i / p.quads;
  let across = tile % p.across;
  let down = (tile / p.across) % p.down;
  let image = tile / (p.across * p.down);
  let tiles = p.n * p.down * p.across;`;

/**
 * Bindings x [N,H,W,C], v [n n, T, all channels]. With `enlarged`, x is read at twice its height and width, with a padding of 1.
 * One thread per tile and four channels.
 */
export const winogradInput = ({ threads, round }: Threads, n: TileSize, enlarged: boolean): string => {
  const m = n - TAPS + 1;
  const { inputs } = winogradMatrices(n, TAPS);
  return wgsl`
${bindings(["x", "vec4f"], ["v", "vec4f"])}
${params(winogradFields, 2)}
${threadMain(
  { items: "p.n * p.down * p.across * p.quads", threads },
  `${whichTile}
  let top = i32(down * ${m}u) - i32(p.ph);
  let left = i32(across * ${m}u) - i32(p.pw);
  let at = tile * p.stride + p.first + quad;
  let plane = tiles * p.stride;
${sandwich(
  inputs,
  enlarged ? enlargedTileOf("x", n) : tileOf("x", n),
  round,
  (r, c, name) => `v[at + (${r} * ${n}u + ${c}) * plane] = ${name};`,
)}`,
)}`;
};

/** Bindings dy [N,OH,OW,CO], z [n n, T, CO]: the tiles of dy as filters of m taps. One thread per tile and four channels. */
export const winogradOutputGrad = ({ threads, round }: Threads, n: TileSize): string => {
  const m = n - TAPS + 1;
  const { filter } = winogradMatrices(n, m);
  return wgsl`
${bindings(["dy", "vec4f"], ["z", "vec4f"])}
${params(winogradFields, 2)}
${threadMain(
  { items: "p.n * p.down * p.across * p.quads", threads },
  `${whichTile}
  let top = i32(down * ${m}u);
  let left = i32(across * ${m}u);
  let plane = tiles * p.quads;
${sandwich(filter, tileOf("dy", m), round, (r, c, name) => `z[i + (${r} * ${n}u + ${c}) * plane] = ${name};`)}`,
)}`;
};

/**
 * Bindings w [3,3,CI,CO], u [n n, CI, CO]; p.quads = CO / 4, p.other = CI. With `turned`, for the kernel rotated by 180 degrees;
 * with `half`, u is stored in half precision. One thread per input channel and four output channels.
 */
export const winogradWeights = ({ threads, round }: Threads, n: TileSize, turned: boolean, half: boolean): string => {
  const { filter } = winogradMatrices(n, TAPS);
  const taps = turned
    ? planes("w", TAPS, `i + ${TAPS * TAPS - 1}u * size`, "0u - size")
    : planes("w", TAPS, "i", "size");
  return wgsl`
${enableHalf(half)}
${bindings(["w", "vec4f"], ["u", stored(4, half)])}
${params(winogradFields, 2)}
${threadMain(
  { items: "p.other * p.quads", threads },
  `  let size = p.other * p.quads;
${sandwich(filter, taps, round, (r, c, name) => `u[(${r} * ${n}u + ${c}) * size + i] = ${narrowed(name, 4, half)};`)}`,
)}`;
};

/** Bindings m [n n, T, all channels], (bias, plus: lib/epilogue.ts,) y [N,OH,OW,CO]. One thread per tile and four channels. */
export const winogradOutput = ({ threads, round }: Threads, n: TileSize, epilogue: Epilogue): string => {
  const m = n - TAPS + 1;
  const { outputs } = winogradMatrices(n, TAPS);
  const names = ["m", ...epilogueOperands(epilogue), "y"];
  return wgsl`
${bindings(...names.map((name): [string, string] => [name, "vec4f"]))}${rectifier(epilogue, "vec4f")}
${params(winogradFields, names.length)}
${threadMain(
  { items: "p.n * p.down * p.across * p.quads", threads },
  `${whichTile}
  let top = down * ${m}u;
  let left = across * ${m}u;
  let shift = ${epilogue.bias ? "bias[quad]" : "vec4f()"};
${sandwich(
  outputs,
  planes("m", n, "tile * p.stride + p.first + quad", "tiles * p.stride"),
  round,
  (r, c, name) =>
    `if (${all(`top + ${r} < p.h`, `left + ${c} < p.w`)}) { let at = ((image * p.h + top + ${r}) * p.w + left + ${c}) * p.quads + quad; y[at] = ${finish(epilogue, name, "shift", "at")}; }`,
)}`,
)}`;
};

/**
 * Bindings m [n n, CI, CO], dw [3,3,CI,CO]; p.quads = CO / 4, p.other = CI. One thread per input channel and four
 * output channels.
 */
export const winogradFilterGrad = ({ threads, round }: Threads, n: TileSize): string => {
  const { outputs } = winogradMatrices(n, n - TAPS + 1);
  return wgsl`
${bindings(["m", "vec4f"], ["dw", "vec4f"])}
${params(winogradFields, 2)}
${threadMain(
  { items: "p.other * p.quads", threads },
  `  let size = p.other * p.quads;
${sandwich(outputs, planes("m", n, "i", "size"), round, (r, c, name) => `dw[(${r} * ${TAPS}u + ${c}) * size + i] = ${name};`)}`,
)}`;
};
