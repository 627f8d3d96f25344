/** Heat maps: coarse grids of values, interpolated over a picture and coloured. */
import { rgb } from "d3-color";
import { interpolateInferno, interpolatePuOr } from "d3-scale-chromatic";
import type { Box } from "../data/sample.ts";

/** Values over the pixels of a grid, row by row. */
export interface Grid {
  width: number;
  height: number;
  values: Float32Array;
}

/** 8-bit colours, row by row, three bytes per pixel. */
export interface Colours {
  width: number;
  height: number;
  data: Uint8Array;
}

/** The value at (x, y), both from 0 to 1 over the grid; bilinear between the pixels' centres, as the network resizes. */
export function sample({ width, height, values }: Grid, x: number, y: number): number {
  const clamp = (v: number, most: number) => Math.min(Math.max(v, 0), most);
  const [u, v] = [clamp(x * width - 0.5, width - 1), clamp(y * height - 0.5, height - 1)];
  const [i, j] = [Math.floor(u), Math.floor(v)];
  const [right, down] = [Math.min(i + 1, width - 1), Math.min(j + 1, height - 1)];
  const row = (k: number) => values[k * width + i]! * (1 - (u - i)) + values[k * width + right]! * (u - i);
  return row(j) * (1 - (v - j)) + row(down) * (v - j);
}

/** The greatest magnitude in all grids. */
export const greatest = (grids: readonly Grid[]): number =>
  grids.reduce((most, { values }) => values.reduce((m, v) => Math.max(m, Math.abs(v)), most), 0);

/** Opacity of a value's colour, by the value as a share of the greatest: weak activation lets the picture show through. */
const opacity = (share: number) => 0.85 * Math.sqrt(Math.min(1, Math.abs(share)));

const table = (colour: (t: number) => string) =>
  Array.from({ length: 256 }, (_, i) => {
    const { r, g, b } = rgb(colour(i / 255));
    return [r, g, b] as const;
  });
/** From zero (dark) to the greatest value (bright): ordered by lightness, so it works without colour vision. */
const RISING = table((t) => interpolateInferno(0.38 + 0.62 * t));
/** Against (purple) and for (orange), distinguishable with every kind of colour blindness. Opacity shows the magnitude. */
const SIGNED = table((t) => interpolatePuOr(0.5 + Math.sign(t - 0.5) * (0.18 + 0.24 * Math.abs(t - 0.5))));

/** The colour of a share from -1 to 1 (`signed`) or 0 to 1, and its opacity, from 0 to 1. */
export function tint(share: number, signed: boolean): { rgb: readonly [number, number, number]; opacity: number } {
  const t = signed ? (share + 1) / 2 : share;
  return {
    rgb: (signed ? SIGNED : RISING)[Math.round(255 * Math.min(1, Math.max(0, t)))]!,
    opacity: opacity(share),
  };
}

/** The colour of a share over a grey level. */
export function blend(share: number, grey: number, signed: boolean): [number, number, number] {
  const { rgb, opacity: a } = tint(share, signed);
  return rgb.map((c) => Math.round(grey * (1 - a) + c * a)) as [number, number, number];
}

/**
 * A grid's colours alone, to be laid over a picture's crop: red, green, blue and alpha of each pixel, row by row.
 * @param most the value at the end of the scale
 */
export function heatLayer(
  { width: w, height: h, values }: Grid,
  { width, height }: { width: number; height: number },
  { most, signed }: { most: number; signed: boolean },
): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new Uint8ClampedArray(4 * width * height);
  if (most <= 0) return pixels;
  const colours = colourTable(signed);
  const columns = between(width, w);
  const rows = between(height, h);
  const line = new Float32Array(w);
  for (let y = 0, to = 0; y < height; y++) {
    const { first: above, second: below, share: down } = rows[y]!;
    for (let i = 0; i < w; i++) line[i] = values[above * w + i]! * (1 - down) + values[below * w + i]! * down;
    for (let x = 0; x < width; x++, to += 4) {
      const { first, second, share } = columns[x]!;
      const value = (line[first]! * (1 - share) + line[second]! * share) / most;
      const at = 4 * Math.round((signed ? (value + 1) / 2 : value) * LEVELS);
      for (let c = 0; c < 4; c++) pixels[to + c] = colours[at + c]!;
    }
  }
  return pixels;
}

/** Fine enough for weak activation, whose opacity rises steeply. */
const LEVELS = 4095;

/** Red, green, blue and alpha of all shares, from the least to the greatest. */
function colourTable(signed: boolean): Uint8ClampedArray {
  const colours = new Uint8ClampedArray(4 * (LEVELS + 1));
  for (let i = 0; i <= LEVELS; i++) {
    const { rgb, opacity: a } = tint(signed ? (2 * i) / LEVELS - 1 : i / LEVELS, signed);
    colours.set([...rgb, 255 * a], 4 * i);
  }
  return colours;
}

/** For each of `to` pixels' centres, the two of `from` values that it lies between, and the second one's share, as in `sample`. */
function between(to: number, from: number): { first: number; second: number; share: number }[] {
  return Array.from({ length: to }, (_, i) => {
    const at = Math.min(Math.max(((i + 0.5) / to) * from - 0.5, 0), from - 1);
    const first = Math.floor(at);
    return { first, second: Math.min(first + 1, from - 1), share: at - first };
  });
}

/**
 * Overlays a grid on the part `crop` of a grey picture, in its pixels; the rest stays grey.
 * @param most the value at the end of the scale
 */
export function heat(
  picture: { width: number; height: number; grey: Uint8Array },
  grid: Grid,
  crop: Box,
  { most, signed }: { most: number; signed: boolean },
): Colours {
  const { width, height, grey } = picture;
  const data = new Uint8Array(3 * width * height);
  for (let y = 0; y < height; y++) {
    const v = (y + 0.5 - crop.y0) / (crop.y1 - crop.y0);
    for (let x = 0; x < width; x++) {
      const u = (x + 0.5 - crop.x0) / (crop.x1 - crop.x0);
      const level = grey[y * width + x]!;
      const inside = u >= 0 && u <= 1 && v >= 0 && v <= 1 && most > 0;
      data.set(inside ? blend(sample(grid, u, v) / most, level, signed) : [level, level, level], 3 * (y * width + x));
    }
  }
  return { width, height, data };
}
