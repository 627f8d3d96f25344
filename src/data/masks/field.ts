/** Reduces a mask file of any channels and depth to a table of levels and a level for each pixel. */
import { DataError } from "../sample.ts";

/** A decoded mask. */
export interface MaskPixels {
  width: number;
  height: number;
  /** Channels per pixel, interleaved; the last is alpha if `alpha` says so. */
  channels: number;
  alpha: boolean;
  /** width × height × channels values at the file's own depth. */
  levels: ArrayLike<number>;
  /** Whether the format is lossy, as JPEG is: flat areas then have noise around them. */
  lossy: boolean;
}

/** Which level each pixel has. */
export interface Field {
  width: number;
  height: number;
  lossy: boolean;
  /** width × height indices into `values`. */
  codes: Uint16Array;
  /** The levels that occur: one number each, ascending, or three for colours, in order of first pixel. */
  values: readonly (readonly number[])[];
}

/** More colours than this are shades of one thing. */
const MAX_COLOURS = 256;
/** More levels than this are quantised to a thousandth of the range. */
const MAX_LEVELS = 1024;

/** @throws DataError if a pixel is not a number, or all are transparent */
export function fieldOf(pixels: MaskPixels): { field: Field; note?: string } {
  const { width, height, channels, levels, alpha, lossy } = pixels;
  const count = width * height;
  const real = levels instanceof Float32Array || levels instanceof Float64Array;
  for (let i = 0; real && i < levels.length; i++) {
    if (!Number.isFinite(levels[i]!)) throw new DataError("has pixels that are not numbers");
  }
  const shape = { width, height, lossy };
  const colours = alpha ? channels - 1 : channels;
  const opacity = alpha ? channel(pixels, channels - 1) : undefined;
  const most = opacity ? maximum(opacity) : 0;
  if (opacity && most === 0) throw new DataError("is transparent everywhere");
  if (opacity && opacity.some((a) => a !== most)) {
    if (sameWhereSeen(pixels, opacity)) {
      return { field: greyField(opacity, shape), note: "its mask is in the transparency of the file" };
    }
    // Composited over black, as viewers show it.
    const shown = Float32Array.from({ length: count * colours }, (_, i) => {
      const at = Math.floor(i / colours);
      return (levels[at * channels + (i % colours)]! * opacity[at]!) / most;
    });
    return fieldOf({ ...shape, channels: colours, alpha: false, levels: shown });
  }
  if (colours < 3 || isGrey(pixels, colours)) return { field: greyField(channel(pixels, 0), shape) };
  const coloured = lossy ? undefined : colourField(pixels, shape);
  if (coloured) return { field: coloured };
  const brightest = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    for (let c = 0; c < 3; c++) brightest[i] = Math.max(brightest[i]!, levels[i * channels + c]!);
  }
  return { field: greyField(brightest, shape), note: "its mask is coloured: the brightest channel counts" };
}

function channel({ width, height, channels, levels }: MaskPixels, c: number): Float32Array {
  const values = new Float32Array(width * height);
  for (let i = 0, j = c; i < values.length; i++, j += channels) values[i] = levels[j]!;
  return values;
}

/** Whether all visible pixels have one colour, so that only transparency carries information. */
function sameWhereSeen({ channels, levels }: MaskPixels, opacity: Float32Array): boolean {
  const first = opacity.findIndex((a) => a > 0) * channels;
  for (let i = 0; i < opacity.length; i++) {
    if (opacity[i] === 0) continue;
    for (let c = 0; c < channels - 1; c++) if (levels[i * channels + c] !== levels[first + c]) return false;
  }
  return true;
}

function isGrey({ channels, levels }: MaskPixels, colours: number): boolean {
  for (let i = 0; i < levels.length; i += channels) {
    for (let c = 1; c < Math.min(colours, 3); c++) if (levels[i + c] !== levels[i]) return false;
  }
  return true;
}

type Shape = Pick<Field, "width" | "height" | "lossy">;

function greyField(values: Float32Array, shape: Shape): Field {
  const whole = wholeLevels(values, shape);
  if (whole) return whole;
  let distinct = new Set(values);
  let used: ArrayLike<number> = values;
  if (distinct.size > MAX_LEVELS) {
    const [least, most] = [minimum(values), maximum(values)];
    const step = (most - least) / MAX_LEVELS;
    used = values.map((v) => least + step * Math.round((v - least) / step));
    distinct = new Set(used as Float32Array);
  }
  const sorted = [...distinct].sort((a, b) => a - b);
  const codeOf = new Map(sorted.map((value, code) => [value, code]));
  const codes = new Uint16Array(values.length);
  for (let i = 0; i < codes.length; i++) codes[i] = codeOf.get(used[i]!)!;
  return { ...shape, codes, values: sorted.map((value) => [value]) };
}

/** The same for levels of up to 16 bits, by counting, which is many times faster; undefined for others. */
function wholeLevels(values: Float32Array, shape: Shape): Field | undefined {
  const codeOf = new Uint16Array(1 << 16);
  for (let i = 0; i < values.length; i++) {
    const level = values[i]!;
    if (!(level >= 0 && level < codeOf.length) || level !== Math.floor(level)) return undefined;
    codeOf[level] = 1;
  }
  const sorted: number[] = [];
  codeOf.forEach((used, level) => {
    if (used !== 0) codeOf[level] = sorted.push(level) - 1;
  });
  if (sorted.length > MAX_LEVELS) return undefined;
  const codes = new Uint16Array(values.length);
  for (let i = 0; i < codes.length; i++) codes[i] = codeOf[values[i]!]!;
  return { ...shape, codes, values: sorted.map((value) => [value]) };
}

function colourField({ channels, levels }: MaskPixels, shape: Shape): Field | undefined {
  const codes = new Uint16Array(shape.width * shape.height);
  const codeOf = new Map<string, number>();
  const values: number[][] = [];
  for (let i = 0, j = 0; i < codes.length; i++, j += channels) {
    // Neighbours are mostly the same.
    if (i > 0 && sameColour(levels, j, j - channels)) {
      codes[i] = codes[i - 1]!;
      continue;
    }
    const key = `${levels[j]!},${levels[j + 1]!},${levels[j + 2]!}`;
    let code = codeOf.get(key);
    if (code === undefined) {
      code = values.push([levels[j]!, levels[j + 1]!, levels[j + 2]!]) - 1;
      if (code >= MAX_COLOURS) return undefined;
      codeOf.set(key, code);
    }
    codes[i] = code;
  }
  return { ...shape, codes, values };
}

const sameColour = (levels: ArrayLike<number>, a: number, b: number) =>
  levels[a] === levels[b] && levels[a + 1] === levels[b + 1] && levels[a + 2] === levels[b + 2];

const maximum = (values: Float32Array) => {
  let most = -Infinity;
  for (let i = 0; i < values.length; i++) if (values[i]! > most) most = values[i]!;
  return most;
};
const minimum = (values: Float32Array) => -maximum(values.map((value) => -value));
