/** What convolution's variants and the estimates of their durations have in common. */
import { TAPS, type Conv2dShape } from "../../shaders/lib/conv.ts";
import type { TileSize } from "../../shaders/lib/winograd.ts";
import { ceilDiv } from "./grid.ts";

export type Pass = "forward" | "inputGrad" | "weightGrad";

/** Whether each group has one channel, of x and of y; so is the only group of a convolution of one channel. */
export const isDepthwise = (s: Conv2dShape): boolean => s.groups === s.ci && s.groups === s.co;

/** Whether Winograd's method covers a convolution: 3x3, stride 1, no dilation, no groups, channels in multiples of 4. */
export const winogradCovers = (s: Conv2dShape): boolean =>
  s.kh === TAPS &&
  s.kw === TAPS &&
  [...s.stride, ...s.dilation, s.groups].every((v) => v === 1) &&
  s.padding.every((v) => v < TAPS) &&
  s.ci % 4 === 0 &&
  s.co % 4 === 0;

/** Winograd's variants, F(4 x 4) and F(2 x 2), by the size of the tiles of their input. */
export const winogradTiles = { winograd4: 6, winograd2: 4 } as const satisfies Record<string, TileSize>;

export const tileSizeOf = (variant: string): TileSize | undefined =>
  (winogradTiles as Partial<Record<string, TileSize>>)[variant];

export interface Tiling {
  down: number;
  across: number;
  /** Tiles of all images. */
  count: number;
}

/** The tiles into which the images of a convolution's output are cut. */
export function tilesOf({ n, h, w }: { n: number; h: number; w: number }, tile: TileSize): Tiling {
  const m = tile - TAPS + 1;
  const [down, across] = [ceilDiv(h, m), ceilDiv(w, m)];
  return { down, across, count: n * down * across };
}
