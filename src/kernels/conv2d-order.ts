/**
 * Which variant of a convolution is likely to be the fastest, for adapters without a tuning record: durations estimated from
 * sizes, fitted to measurements on lavapipe (docs/kernels.md). On other adapters the order is a guess that the tuner corrects.
 */
import type { Conv2dShape } from "../../shaders/lib/conv.ts";
import type { TileSize } from "../../shaders/lib/winograd.ts";
import type { Capabilities } from "../gpu/capabilities.ts";
import type { Lowering } from "./kernel.ts";
import { tilesOf } from "./winograd.ts";

export type Pass = "forward" | "inputGrad" | "weightGrad";

/** Multiply-adds a microsecond of the direct variants. */
const DIRECT = { forward: 28_000, inputGrad: 28_000, weightGrad: 25_000 };
/** Microseconds that every dispatch takes. */
const DISPATCH = 40;

/** Microseconds of the steps of Winograd's method: by channel and tile, by pair of channels; multiply-adds a microsecond. */
const WINOGRAD = {
  6: {
    convolve: { input: 0.042, output: 0.042, weights: 0.028, products: 21_000 },
    weightGrad: { input: 0.044, output: 0.033, weights: 0.052, products: 24_000 },
  },
  4: {
    convolve: { input: 0.013, output: 0.011, weights: 0.0095, products: 24_000 },
    weightGrad: { input: 0.0135, output: 0.0103, weights: 0.02, products: 27_000 },
  },
} as const;

/** Microseconds that a variant takes. */
function estimate(pass: Pass, s: Conv2dShape, variant: string): number {
  const tile = ({ winograd4: 6, winograd2: 4 } as const satisfies Record<string, TileSize>)[variant];
  if (tile === undefined) {
    const products = (s.n * s.oh * s.ow * s.kh * s.kw * s.ci * s.co) / s.groups;
    return products / DIRECT[pass] + DISPATCH;
  }
  const cost = WINOGRAD[tile][pass === "weightGrad" ? "weightGrad" : "convolve"];
  const tiles = tilesOf({ n: s.n, h: s.oh, w: s.ow }, tile).count;
  const pairs = s.ci * s.co;
  const transforms = tiles * (s.ci * cost.input + s.co * cost.output) + pairs * cost.weights;
  return transforms + (tile * tile * tiles * pairs) / cost.products + 4 * DISPATCH;
}

/** The variants, the one with the least estimate first. */
export const fastestFirst = (
  pass: Pass,
  s: Conv2dShape,
  _caps: Capabilities,
  variants: readonly Lowering[],
): Lowering[] => variants.toSorted((a, b) => estimate(pass, s, a.variant) - estimate(pass, s, b.variant));
