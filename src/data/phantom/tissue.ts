/** The scanned part of the frame: a map of echo levels over the sector's bounding rectangle, and the tools to paint it. */
import { bump, smoothstep } from "./arithmetic.ts";
import type { Random } from "./random.ts";

/** Everything here is in pixels of the sector's rectangle, row-major, origin at its top left. */
export interface Tissue {
  width: number;
  height: number;
  /** Pixels per length unit: a 192-pixel frame has 1. Structures and the beam scale with the frame. */
  unit: number;
  /** Mean echo level, decibels relative to the normal gland. */
  level: Float32Array;
  /** 1 within the probe's view. A linear array sees the whole rectangle, a convex one misses its corners. */
  inside: Uint8Array;
  /** Position across the beams, 0 (left) .. 1 (right). */
  beam: Float32Array;
  /** Distance from the probe, 0 .. 1. */
  depth: Float32Array;
}

/** An empty sector. A convex one is a ring segment between two lines from an apex above the image. */
export function makeTissue(width: number, height: number, unit: number, convex: boolean, rng: Random): Tissue {
  const size = width * height;
  const tissue: Tissue = {
    width,
    height,
    unit,
    level: new Float32Array(size),
    inside: new Uint8Array(size),
    beam: new Float32Array(size),
    depth: new Float32Array(size),
  };
  const apex = convex ? height * rng.uniform(1.6, 3) : Infinity; // rows from the apex down to row 0
  const far = apex + height;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      const dx = x + 0.5 - width / 2;
      const dy = apex + y + 0.5;
      const across = convex ? (dx / dy) * far : dx;
      // The arc touches the top row in the middle and the bottom row likewise.
      const down = convex ? Math.sqrt(dx * dx + dy * dy) - apex : y + 0.5;
      tissue.beam[i] = across / width + 0.5;
      tissue.depth[i] = down / height;
      tissue.inside[i] = Math.abs(across) <= width / 2 && down <= height ? 1 : 0;
    }
  }
  return tissue;
}

/** An axis-aligned ellipse, pixels. */
export interface Ellipse {
  cx: number;
  cy: number;
  rx: number;
  ry: number;
}

/**
 * Calls `paint(index, rho)` for the pixels with rho < reach, rho being 1 on the ellipse and linear along each ray
 * from its centre.
 */
export function overEllipse(tissue: Tissue, e: Ellipse, reach: number, paint: (i: number, rho: number) => void): void {
  const top = Math.max(0, Math.floor(e.cy - e.ry * reach));
  const bottom = Math.min(tissue.height - 1, Math.ceil(e.cy + e.ry * reach));
  const left = Math.max(0, Math.floor(e.cx - e.rx * reach));
  const right = Math.min(tissue.width - 1, Math.ceil(e.cx + e.rx * reach));
  for (let y = top; y <= bottom; y++) {
    const dy = (y + 0.5 - e.cy) / e.ry;
    for (let x = left; x <= right; x++) {
      const dx = (x + 0.5 - e.cx) / e.rx;
      const rho = Math.sqrt(dx * dx + dy * dy);
      if (rho < reach) paint(y * tissue.width + x, rho);
    }
  }
}

/** Sets the ellipse to one level, with an edge of `edge` pixels. */
export function fillEllipse(tissue: Tissue, e: Ellipse, level: number, edge: number): void {
  const soft = edge / Math.min(e.rx, e.ry);
  overEllipse(tissue, e, 1 + soft, (i, rho) => {
    const cover = 1 - smoothstep(1 - soft, 1 + soft, rho);
    tissue.level[i]! += cover * (level - tissue.level[i]!);
  });
}

/** Adds a spot that fades to nothing at the ellipse. */
export function addSpot(tissue: Tissue, e: Ellipse, gain: number): void {
  overEllipse(tissue, e, 1, (i, rho) => {
    tissue.level[i]! += gain * bump(rho);
  });
}

/**
 * Changes everything behind a structure, along the beams that pass through it: a shadow (negative gain) behind an absorber,
 * enhancement (positive) behind fluid.
 *
 * @param e the structure; the shadow is as wide as it is, and starts at the middle of its depth.
 */
export function castBehind(tissue: Tissue, e: Ellipse, gain: number): void {
  const at = (x: number, y: number) => {
    const column = Math.min(tissue.width - 1, Math.max(0, Math.round(x)));
    const row = Math.min(tissue.height - 1, Math.max(0, Math.round(y)));
    return row * tissue.width + column;
  };
  const centre = tissue.beam[at(e.cx, e.cy)]!;
  const start = tissue.depth[at(e.cx, e.cy)]!;
  const half = Math.max(1 / tissue.width, Math.abs(tissue.beam[at(e.cx + e.rx, e.cy)]! - centre));
  const full = start + e.ry / tissue.height;
  for (let i = Math.max(0, Math.floor(e.cy)) * tissue.width; i < tissue.level.length; i++) {
    const d = Math.abs(tissue.beam[i]! - centre) / half;
    if (d >= 1.4) continue;
    const weight = (1 - smoothstep(0.4, 1.4, d)) * smoothstep(start, full, tissue.depth[i]!);
    tissue.level[i]! += gain * weight;
  }
}
