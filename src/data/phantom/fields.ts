/** Random fields over an image: ultrasound speckle, and smooth tissue variation. */
import type { Random } from "./random.ts";

/** The two quadratures of the echo, each with mean 0; where the amplitude is 1, the sum of their squares has mean 1. */
export interface Speckle {
  re: Float32Array;
  im: Float32Array;
}

/**
 * Fully developed speckle: scatterers, one complex random number per pixel times the tissue's amplitude, blurred by the
 * point spread function, here a product of two bells. In homogeneous tissue the envelope sqrt(re^2 + im^2) is then
 * Rayleigh-distributed (many scatterers per resolution cell, Wagner et al. 1983).
 *
 * @param lateral half width of the bell across the beam, pixels; `axial` along it. A beam is wider than its pulse is long.
 */
export function speckle(
  amplitude: Float32Array,
  width: number,
  height: number,
  { lateral, axial }: { lateral: number; axial: number },
  rng: Random,
): Speckle {
  const re = new Float32Array(width * height);
  const im = new Float32Array(width * height);
  for (let i = 0; i < re.length; i++) {
    const bits = rng.bits();
    // Uniform, not normal: the blur sums enough of them.
    re[i] = ((bits & 0xffff) - 32767.5) * amplitude[i]!;
    im[i] = ((bits >>> 16) - 32767.5) * amplitude[i]!;
  }
  const across = bell(lateral);
  const along = bell(axial);
  // A blur with weights w turns variance v into v * sum(w^2); a uniform of range 65536 has variance 65536^2 / 12.
  const power = sumOfSquares(across) * sumOfSquares(along) * (65536 * (65536 / 12));
  const scale = Math.sqrt(0.5 / power);
  const scratch = new Float32Array(re.length);
  for (const part of [re, im]) {
    blurRows(part, scratch, width, height, across, scale);
    blurColumns(scratch, part, width, height, along);
  }
  return { re, im };
}

/**
 * Value noise in about -1..1: random values on a lattice of cellsX by cellsY cells, interpolated linearly.
 * Few cells make slow heterogeneity; wide and flat cells make the streaks of muscle.
 */
export function smoothNoise(width: number, height: number, cellsX: number, cellsY: number, rng: Random): Float32Array {
  const columns = Math.ceil(cellsX) + 2;
  const rows = Math.ceil(cellsY) + 2;
  const lattice = new Float32Array(columns * rows);
  for (let i = 0; i < lattice.length; i++) lattice[i] = rng.uniform(-1, 1);
  const out = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    const v = (y * cellsY) / height;
    const row = Math.floor(v);
    const fy = v - row;
    for (let x = 0; x < width; x++) {
      const u = (x * cellsX) / width;
      const column = Math.floor(u);
      const fx = u - column;
      const at = row * columns + column;
      const top = lattice[at]! * (1 - fx) + lattice[at + 1]! * fx;
      const bottom = lattice[at + columns]! * (1 - fx) + lattice[at + columns + 1]! * fx;
      out[y * width + x] = top * (1 - fy) + bottom * fy;
    }
  }
  return out;
}

function bell(halfWidth: number): Float32Array {
  const radius = Math.max(0, Math.ceil(halfWidth) - 1);
  return Float32Array.from({ length: 2 * radius + 1 }, (_, i) => {
    const t = 1 - ((i - radius) / halfWidth) ** 2;
    return t * t;
  });
}

function sumOfSquares(weights: Float32Array): number {
  return weights.reduce((sum, w) => sum + w * w, 0);
}

function blurRows(
  from: Float32Array,
  to: Float32Array,
  width: number,
  height: number,
  weights: Float32Array,
  scale: number,
) {
  const radius = (weights.length - 1) / 2;
  const padded = new Float32Array(width + 2 * radius);
  for (let y = 0; y < height; y++) {
    // Pad by wrapping around: zeros would dim the image's edge.
    for (let i = 0; i < padded.length; i++) padded[i] = from[y * width + ((i - radius + width) % width)]!;
    for (let x = 0; x < width; x++) {
      let sum = 0;
      for (let k = 0; k < weights.length; k++) sum += weights[k]! * padded[x + k]!;
      to[y * width + x] = sum * scale;
    }
  }
}

function blurColumns(from: Float32Array, to: Float32Array, width: number, height: number, weights: Float32Array) {
  const radius = (weights.length - 1) / 2;
  to.fill(0);
  for (let y = 0; y < height; y++) {
    for (let k = 0; k < weights.length; k++) {
      const source = ((y + k - radius + height) % height) * width;
      const weight = weights[k]!;
      for (let x = 0; x < width; x++) to[y * width + x]! += weight * from[source + x]!;
    }
  }
}
