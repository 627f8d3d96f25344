/**
 * What the kernels of self-attention share. Queries, keys and values lie in one tensor x [B,T,3,H,D], as vectors of four channels:
 *
 *   s[i,j] = SCALE q[i] · k[j] + bias[h,i,j] - 100 [i and j in different regions],   p = softmax over j of s,   y[i] = sum over j of p v[j]
 *
 * Regions are those of windows that were shifted around the border of an image (gather.wgsl.ts): in the last window along a side, what
 * was wrapped lies beside pixels that it was no neighbour of.
 */
import { params } from "./params.ts";

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

/** WGSL of the score of query i and key j of head h and window z, given that of the dot product. */
export function scoreOf({ biased, shifted }: AttentionForm, product: string): string {
  const bias = biased ? " + bias[(h * p.tokens + i) * p.tokens + j]" : "";
  const apart = shifted ? ` - select(0.0, ${APART}.0, region(i, z) != region(j, z))` : "";
  return `(${product}) * bitcast<f32>(p.scale)${bias}${apart}`;
}
