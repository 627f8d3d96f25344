/** How long convolution's variants take on a software adapter, estimated from sizes; fitted to measurements on lavapipe (docs/kernels/ledger.md). */
import { multiplyAdds, type Conv2dShape } from "../../shaders/lib/conv.ts";
import type { Capabilities } from "../gpu/capabilities.ts";
import { tileSizeOf, tilesOf, type Pass } from "./conv2d-pass.ts";
import { ceilDiv } from "./grid.ts";
import type { LoweringContext } from "./kernel.ts";

/** Result pixels per tile of the direct variants: with few pixels, much of the last tile is computed for nothing. */
const TILE_PIXELS = 32;
/** Multiply-adds per microsecond of the direct variants, with many result channels, and with few (at least `channels`). */
const DIRECT_MULTIPLY_ADDS_PER_US = { forward: 28_000, inputGrad: 28_000, weightGrad: 25_000 };
const FEW_CHANNELS_MULTIPLY_ADDS_PER_US = [
  { channels: 16, strip: 24_000, subgroup: 19_000 },
  { channels: 8, strip: 18_500, subgroup: 10_500 },
  { channels: 4, strip: 10_500, subgroup: 4200 },
  { channels: 1, strip: 6000, subgroup: 2800 },
] as const;
/**
 * The same with several groups, by channels of one of them: `strip` and `grouped` of forward pass and input gradient, then of the weight gradient.
 */
const GROUPED_MULTIPLY_ADDS_PER_US = [
  { channels: 32, image: { strip: 13_000, grouped: 14_000 }, weight: { strip: 13_000, grouped: 11_000 } },
  { channels: 16, image: { strip: 13_000, grouped: 12_500 }, weight: { strip: 13_000, grouped: 9000 } },
  { channels: 8, image: { strip: 12_000, grouped: 8500 }, weight: { strip: 13_000, grouped: 9000 } },
  { channels: 4, image: { strip: 10_000, grouped: 4300 }, weight: { strip: 12_000, grouped: 8500 } },
  { channels: 1, image: { strip: 4000, grouped: 2000 }, weight: { strip: 4000, grouped: 2000 } },
] as const;
/** The same for products in workgroup memory, whose barriers and loads are expensive on a software adapter. */
const TILED_MULTIPLY_ADDS_PER_US = 2000;
/** Transformed weights read per microsecond. */
const WEIGHTS_READ_PER_US = 1500;
/** Microseconds that every dispatch adds. */
const DISPATCH_US = 40;

/** Microseconds of the steps of Winograd's method: by channel and tile, by pair of channels; multiply-adds per microsecond. */
const WINOGRAD_COSTS = {
  6: {
    convolve: { input: 0.042, output: 0.042, weights: 0.028, products: 21_000 },
    weightGrad: { input: 0.044, output: 0.033, weights: 0.052, products: 24_000 },
  },
  4: {
    convolve: { input: 0.013, output: 0.011, weights: 0.0095, products: 24_000 },
    weightGrad: { input: 0.0135, output: 0.0103, weights: 0.02, products: 27_000 },
  },
} as const;

/** Multiply-adds per microsecond of a direct variant on a software adapter. */
function rateOf(pass: Pass, s: Conv2dShape, variant: string): number {
  if (variant === "tiled") return TILED_MULTIPLY_ADDS_PER_US;
  const channels = (pass === "inputGrad" ? s.ci : s.co) / s.groups;
  if (s.groups > 1) {
    const row = GROUPED_MULTIPLY_ADDS_PER_US.find((some) => channels >= some.channels)!;
    return row[pass === "weightGrad" ? "weight" : "image"][variant === "strip" ? "strip" : "grouped"];
  }
  const few = channels <= 16 ? FEW_CHANNELS_MULTIPLY_ADDS_PER_US.find((row) => channels >= row.channels) : undefined;
  return few ? few[variant === "strip" ? "strip" : "subgroup"] : DIRECT_MULTIPLY_ADDS_PER_US[pass];
}

/** Multiply-adds that a direct variant computes for each useful one. */
function surplusOf(pass: Pass, s: Conv2dShape, variant: string, { subgroupSize = 1 }: Capabilities): number {
  if (pass === "weightGrad") return 1;
  const [sh, sw] = s.stride;
  const [rows, columns] = pass === "forward" ? [s.oh, s.ow] : [ceilDiv(s.h, sh), ceilDiv(s.w, sw)];
  const rest = (size: number, tile: number) => (tile * ceilDiv(size, tile)) / size;
  // The lanes of a strip are adjacent.
  return variant === "strip" ? rest(columns, subgroupSize) : rest(s.n * rows * columns, TILE_PIXELS);
}

/** Microseconds that a variant takes on a software adapter. */
export function microsecondsOnSoftware(
  pass: Pass,
  s: Conv2dShape,
  variant: string,
  { caps, frozen }: LoweringContext,
): number {
  const { subgroupSize } = caps;
  const tile = tileSizeOf(variant);
  if (tile === undefined)
    return (surplusOf(pass, s, variant, caps) * multiplyAdds(s)) / rateOf(pass, s, variant) + DISPATCH_US;
  const cost = WINOGRAD_COSTS[tile][pass === "weightGrad" ? "weightGrad" : "convolve"];
  const tiles = tilesOf({ n: s.n, h: s.oh, w: s.ow }, tile).count;
  const pairs = s.ci * s.co;
  const weights = frozen && pass === "forward" ? 0 : pairs * cost.weights;
  const transforms = tiles * (s.ci * cost.input + s.co * cost.output) + weights;
  const squares = tile * tile * pairs;
  // With few tiles there is little work per weight read.
  const reading = pass === "weightGrad" ? 0 : squares / WEIGHTS_READ_PER_US;
  const products = Math.max(
    (squares * tiles) / (subgroupSize === undefined ? TILED_MULTIPLY_ADDS_PER_US : cost.products),
    reading,
  );
  return transforms + products + 4 * DISPATCH_US;
}
