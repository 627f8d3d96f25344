/**
 * Elementary functions for the phantom, built from addition, multiplication and division alone.
 *
 * IEEE 754 fixes the last bit of + - * / and sqrt; ECMAScript leaves that of Math.log2, Math.cos and Math.exp to the
 * engine. With these functions, the same seed gives the same bytes in every engine.
 */

const asFloat = new Float32Array(1);
const asBits = new Int32Array(asFloat.buffer);

/** Base-2 logarithm of a positive normal float32; error below 2e-5. From atanh's series at (m - 1) / (m + 1), m the mantissa. */
export function log2(x: number): number {
  asFloat[0] = x;
  const bits = asBits[0]!;
  asBits[0] = (bits & 0x007fffff) | 0x3f800000;
  const m = asFloat[0];
  const t = (m - 1) / (m + 1);
  const t2 = t * t;
  return (bits >> 23) - 127 + 2.8853900817779268 * t * (1 + t2 * (1 / 3 + t2 * (1 / 5 + t2 * (1 / 7))));
}

/** 2 to the power x, |x| < 120; relative error below 1e-6. Taylor's series within half an octave, the rest by the exponent. */
export function exp2(x: number): number {
  const octaves = Math.round(x);
  const a = (x - octaves) * 0.6931471805599453;
  asBits[0] = (octaves + 127) << 23;
  return asFloat[0]! * (1 + a * (1 + (a / 2) * (1 + (a / 3) * (1 + (a / 4) * (1 + (a / 5) * (1 + a / 6))))));
}

/** cos(2 pi x), x in turns; error below 1e-7. Taylor's series after reduction to a quarter turn. */
export function cosTurns(x: number): number {
  const folded = Math.abs(x - Math.round(x)); // 0 .. 1/2: the cosine is even and has period 1
  const flip = folded > 0.25;
  const a = (flip ? 0.5 - folded : folded) * 6.283185307179586;
  const a2 = a * a;
  const cos = 1 - (a2 / 2) * (1 - (a2 / 12) * (1 - (a2 / 30) * (1 - (a2 / 56) * (1 - (a2 / 90) * (1 - a2 / 132)))));
  return flip ? -cos : cos;
}

/** 0 below `from`, 1 above `to`, the cubic 3t^2 - 2t^3 between. */
export function smoothstep(from: number, to: number, x: number): number {
  const t = Math.min(1, Math.max(0, (x - from) / (to - from)));
  return t * t * (3 - 2 * t);
}

/** A bell with bounded support: (1 - d^2)^2 for |d| < 1, else 0. Approximates a Gaussian with sigma of about 0.35. */
export function bump(d: number): number {
  const t = 1 - d * d;
  return t > 0 ? t * t : 0;
}

export function clamp(x: number, low: number, high: number): number {
  return x < low ? low : x > high ? high : x;
}
