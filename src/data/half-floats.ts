/** Numbers in half precision (IEEE 754 binary16) as files hold them: 16-bit words, of which JavaScript has no array yet. */

const word = new Uint32Array(1);
const float = new Float32Array(word.buffer);

/** The value of a word; exact. */
function widen(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The nearest word to a float32, ties to even; beyond 65,504 infinity. */
function narrow(value: number): number {
  float[0] = value;
  const bits = word[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  // Multiples of 2^-24 below the least normal number: a float64 product is exact, and its rounding the only one.
  if (magnitude < 0x38800000) return sign | roundToEven(Math.abs(value) * 2 ** 24);
  const rounded = (magnitude + 0xfff + ((magnitude >> 13) & 1)) >>> 13;
  return sign | Math.min(rounded - (112 << 10), 0x7c00);
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

/** The values of all words. */
let values: Float32Array | undefined;

export function widened(halves: Uint16Array): Float32Array {
  values ??= Float32Array.from({ length: 0x10000 }, (_, half) => widen(half));
  const wide = new Float32Array(halves.length);
  for (let i = 0; i < halves.length; i++) wide[i] = values[halves[i]!]!;
  return wide;
}

export const narrowed = (values: Float32Array): Uint16Array => Uint16Array.from(values, narrow);
