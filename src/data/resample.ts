/**
 * Resizes grey pictures as Pillow does with Image.LANCZOS, bit for bit, and with it most pipelines around PyTorch: Lanczos with 3 lobes,
 * widened when shrinking so that all source pixels count. Weights are multiples of 2^-22, so the result is the same on every machine.
 */
import type { GreyImage } from "./grey-image.ts";
import type { Box } from "./sample.ts";

const LOBES = 3;
const WEIGHT_BITS = 22;
const HALF = 2 ** (WEIGHT_BITS - 1);

/**
 * The part of the image inside `crop` (whole pixels), resized to `width` × `height` without keeping the aspect ratio: along the rows,
 * rounded to 8 bits, then along the columns. Pixels beyond the crop do not count.
 */
export function resizeGrey(image: GreyImage, crop: Box, width: number, height: number): Uint8Array {
  const [w, h] = [crop.x1 - crop.x0, crop.y1 - crop.y0];
  const across = width === w ? cropped(image, crop) : alongRows(image, crop, weightsOf(w, width));
  return height === h ? across : alongColumns(across, width, weightsOf(h, height));
}

function cropped({ width, grey }: GreyImage, { x0, y0, x1, y1 }: Box): Uint8Array {
  const part = new Uint8Array((x1 - x0) * (y1 - y0));
  for (let y = y0, to = 0; y < y1; y++, to += x1 - x0) part.set(grey.subarray(y * width + x0, y * width + x1), to);
  return part;
}

/** For each result, the first source pixel that it takes, their number, and their weights in a row of `most`. */
interface Weights {
  readonly first: Int32Array;
  readonly count: Int32Array;
  readonly weights: Int32Array;
  readonly most: number;
}

function weightsOf(from: number, to: number): Weights {
  const scale = from / to;
  const stretch = Math.max(1, scale);
  const reach = LOBES * stretch;
  const most = 2 * Math.ceil(reach) + 1;
  const [first, count, weights] = [new Int32Array(to), new Int32Array(to), new Int32Array(to * most)];
  const exact = new Float64Array(most);
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * scale;
    const begin = Math.max(0, Math.trunc(centre - reach + 0.5));
    const n = Math.min(from, Math.trunc(centre + reach + 0.5)) - begin;
    let sum = 0;
    for (let k = 0; k < n; k++) sum += exact[k] = lanczos((k + begin - centre + 0.5) / stretch);
    // Halves are rounded away from 0.
    for (let k = 0; k < n; k++) {
      const weight = (exact[k]! / sum) * 2 ** WEIGHT_BITS;
      weights[i * most + k] = Math.trunc(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
    [first[i], count[i]] = [begin, n];
  }
  return { first, count, weights, most };
}

function lanczos(x: number): number {
  return x >= -LOBES && x < LOBES ? sinc(x) * sinc(x / LOBES) : 0;
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI));

const clipped = (sum: number): number => Math.min(255, Math.max(0, sum >> WEIGHT_BITS));

function alongRows({ width, grey }: GreyImage, crop: Box, { first, count, weights, most }: Weights): Uint8Array {
  const [results, rows] = [first.length, crop.y1 - crop.y0];
  const out = new Uint8Array(results * rows);
  for (let y = 0, to = 0; y < rows; y++) {
    const row = (crop.y0 + y) * width + crop.x0;
    for (let x = 0; x < results; x++, to++) {
      const [at, w, n] = [row + first[x]!, x * most, count[x]!];
      let sum = HALF;
      for (let k = 0; k < n; k++) sum += grey[at + k]! * weights[w + k]!;
      out[to] = clipped(sum);
    }
  }
  return out;
}

function alongColumns(grey: Uint8Array, width: number, { first, count, weights, most }: Weights): Uint8Array {
  const out = new Uint8Array(first.length * width);
  const sums = new Int32Array(width);
  for (let y = 0; y < first.length; y++) {
    sums.fill(HALF);
    for (let k = 0, at = first[y]! * width; k < count[y]!; k++, at += width) {
      const weight = weights[y * most + k]!;
      for (let x = 0; x < width; x++) sums[x]! += grey[at + x]! * weight;
    }
    for (let x = 0; x < width; x++) out[y * width + x] = clipped(sums[x]!);
  }
  return out;
}
