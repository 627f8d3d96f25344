/**
 * What the kernels of self-attention share. Queries, keys and values lie in one tensor x [B,T,3,H,D], as vectors of four channels:
 *
 *   s[i,j] = SCALE q[i] · k[j] + bias[h,i,j] - 100 [i and j in different regions],   p = softmax over j of s,   y[i] = sum over j of p v[j]
 *
 * Regions are those of windows that were shifted around the border of an image (gather.wgsl.ts): in the last window along a side, what
 * was wrapped lies beside pixels that it was no neighbour of.
 */
import { params } from "./params.ts";
import { groupIndex } from "./thread.ts";

/** Uniform: B, H, T; vectors per token of x and of y; SCALE; windows of an image across and down, their side, and the shift. */
export const attentionFields = [
  ...["batch", "heads", "tokens", "row", "quads", "scale"],
  ...["across", "down", "window", "sy", "sx"],
] as const;

export interface AttentionForm {
  /** Vectors of a head, D / 4. */
  quads: number;
  biased: boolean;
  /** Whether there are regions. */
  shifted: boolean;
}

/** torchvision's value for pairs of different regions: not so low that exp of it is 0 for all. */
const APART = 100;
const SCALE = "bitcast<f32>(p.scale)";

/** The uniform, and `region(t, z)`, the region of token t of window z. */
export const attentionHead = ({ shifted }: AttentionForm, binding: number): string => `
${params(attentionFields, binding)}
${
  shifted
    ? `fn side(at: u32, last: bool, shift: u32) -> u32 {
  return select(0u, select(1u, 2u, at + shift >= p.window), last & (shift > 0u));
}
fn region(t: u32, z: u32) -> u32 {
  let at = z % (p.across * p.down);
  let y = side(t / p.window, at / p.across == p.down - 1u, p.sy);
  return y * 3u + side(t % p.window, at % p.across == p.across - 1u, p.sx);
}`
    : ""
}`;

/** WGSL of the index in x of the first vector of token `t` of head h and window z. `part`: 0 q, 1 k, 2 v. */
export const inX = (t: string, part: number, d4 = "D4"): string =>
  `(z * p.tokens + ${t}) * p.row + ${part}u * p.quads + h * ${d4}`;
/** The same in y and dy. */
export const inY = (t: string, d4 = "D4"): string => `(z * p.tokens + ${t}) * p.quads + h * ${d4}`;

/** The bias among a shader's bindings, where there is one. */
export const withBias = ({ biased }: AttentionForm): [string, string][] => (biased ? [["bias", "f32"]] : []);

/**
 * `main`'s window z, head h, `own` token and first row of `pairs`, of the fused kernels: workgroups of `threads`, of which `thread` is this one's
 * number, share the tokens of a head. Threads beyond the last token take that once more.
 */
export const ownToken = (threads: number, thread: string): string => `
  let blocks = (p.tokens + ${threads - 1}u) / ${threads}u;
  let unit = ${groupIndex};
  if (unit >= p.batch * p.heads * blocks) { return; }
  let h = (unit / blocks) % p.heads;
  let z = unit / blocks / p.heads;
  let own = min((unit % blocks) * ${threads}u + ${thread}, p.tokens - 1u);
  let pairs = (z * p.heads + h) * p.tokens;`;

/** What the gradient of queries binds: x, (bias,) y, dy, logs, dx, delta(, ds); and that of keys: x, (bias,) dy, logs, delta, dx. */
export const queryGradArrays = (form: AttentionForm): [string, string][] => [
  ["x", "vec4f"],
  ...withBias(form),
  ["y", "vec4f"],
  ["dy", "vec4f"],
  ["logs", "f32"],
  ["dx", "vec4f"],
  ["delta", "f32"],
  ...(form.biased ? ([["ds", "f32"]] as [string, string][]) : []),
];
export const keyGradArrays = (form: AttentionForm): [string, string][] => [
  ["x", "vec4f"],
  ...withBias(form),
  ["dy", "vec4f"],
  ["logs", "f32"],
  ["delta", "f32"],
  ["dx", "vec4f"],
];

/** The tokens of a score, and WGSL that says whether they are of different regions. */
export interface ScoredPair {
  query: string;
  key: string;
  apart: string;
}

const loopPair: ScoredPair = { query: "i", key: "j", apart: "region(i, z) != region(j, z)" };

/** WGSL of the score of a query and a key of head h and window z, given that of the dot product. */
export function scoreOf({ biased, shifted }: AttentionForm, product: string, pair = loopPair, scale = SCALE): string {
  const bias = biased ? ` + bias[(h * p.tokens + ${pair.query}) * p.tokens + ${pair.key}]` : "";
  const apart = shifted ? ` - select(0.0, ${APART}.0, ${pair.apart})` : "";
  return `(${product}) * ${scale}${bias}${apart}`;
}
