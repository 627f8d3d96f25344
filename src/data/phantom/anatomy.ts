/**
 * Paints the neck around the nodule, in transverse section: skin, fat, strap muscle, the gland between its capsules, the longus
 * colli behind it; the trachea to one side and the carotid artery to the other. Nothing here knows the class.
 *
 * Echo levels are decibels relative to the normal gland, chosen by eye against clinical images.
 */
import { bump, cosTurns } from "./arithmetic.ts";
import { smoothNoise } from "./fields.ts";
import type { Random } from "./random.ts";
import { addSpot, castBehind, fillEllipse, overEllipse, type Ellipse, type Tissue } from "./tissue.ts";

/** Where a nodule can lie, pixels of the tissue. */
export interface Gland {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** A boundary between two layers: its row for every column. */
type Boundary = Float32Array;

const FLUID = -24;

/** Paints the whole neck over `tissue.level` and returns the room inside the gland. */
export function paintNeck(tissue: Tissue, rng: Random): Gland {
  const { height } = tissue;
  const skin = boundary(tissue, height * rng.uniform(0.02, 0.035), height * 0.003, rng);
  const fat = boundary(tissue, height * rng.uniform(0.08, 0.12), height * 0.015, rng);
  const glandTop = height * rng.uniform(0.17, 0.25);
  const top = boundary(tissue, glandTop, height * 0.03, rng);
  const glandBottom = height * rng.uniform(0.74, 0.84);
  const bottom = boundary(tissue, glandBottom, height * 0.05, rng);

  paintLayers(tissue, [skin, fat, top, bottom], rng);
  for (const [row, gain] of [
    [skin, 7],
    [fat, 7],
    [top, 9],
    [bottom, 8],
  ] as const)
    paintFascia(tissue, row, gain, rng);
  const gland = paintNeighbours(tissue, glandTop, glandBottom, rng);
  paintDistractors(tissue, gland, rng);
  return gland;
}

/** A row that undulates by about `amplitude` pixels. */
function boundary(tissue: Tissue, row: number, amplitude: number, rng: Random): Boundary {
  const waves = [1, 2, 3].map((n) => ({
    turns: rng.uniform(0.35, 0.6) * n,
    phase: rng.uniform(0, 1),
    height: (amplitude * rng.uniform(0.5, 1.5)) / n,
  }));
  return Float32Array.from({ length: tissue.width }, (_, x) =>
    waves.reduce((sum, w) => sum + w.height * cosTurns((w.turns * x) / tissue.width + w.phase), row),
  );
}

/** Fills the layers between the boundaries: skin, fat, muscle, gland, deep muscle. */
function paintLayers(tissue: Tissue, [skin, fat, top, bottom]: Boundary[], rng: Random): void {
  const { width, height, level } = tissue;
  const slow = smoothNoise(width, height, 5, 4, rng);
  const fine = smoothNoise(width, height, 22, 22, rng);
  const fibres = smoothNoise(width, height, 4, 45, rng);
  const muscle = rng.uniform(-11, -6);
  const deep = rng.uniform(-10, -5);
  const glandTexture = rng.uniform(0.8, 2.2);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      let value: number;
      if (y < skin![x]!) value = 3;
      else if (y < fat![x]!) value = -5 + streak(fibres[i]!);
      else if (y < top![x]!) value = muscle + streak(fibres[i]!);
      else if (y < bottom![x]!) value = 1.6 * slow[i]! + glandTexture * fine[i]!;
      else value = deep + 1.4 * streak(fibres[i]!) + 4 * slow[i]!;
      level[i] = value;
    }
  }
}

/** Fibre bundles: mostly dark, with bright sheaths between. */
function streak(noise: number): number {
  return 2 * noise + (noise > 0 ? 16 * noise * noise : 0);
}

/** A broken bright line along a boundary: a fascia reflects only where the beam meets it perpendicularly. */
function paintFascia(tissue: Tissue, row: Boundary, gain: number, rng: Random): void {
  const half = 2.2 * tissue.unit;
  const strength = smoothNoise(tissue.width, 1, 7, 1, rng);
  for (let x = 0; x < tissue.width; x++) {
    const local = gain * (0.65 + 0.6 * strength[x]!);
    const first = Math.max(0, Math.ceil(row[x]! - half));
    const last = Math.min(tissue.height - 1, Math.floor(row[x]! + half));
    for (let y = first; y <= last; y++) tissue.level[y * tissue.width + x]! += local * bump((y - row[x]!) / half);
  }
}

/** Trachea and carotid, if the frame shows them, one on each side. Returns the room left for the nodule. */
function paintNeighbours(tissue: Tissue, top: number, bottom: number, rng: Random): Gland {
  const { width } = tissue;
  const gland: Gland = { left: width * 0.03, right: width * 0.97, top, bottom };
  const tracheaLeft = rng.chance(0.5);
  for (const [structure, left] of [
    ["trachea", tracheaLeft],
    ["carotid", !tracheaLeft],
  ] as const) {
    if (rng.chance(0.4)) continue;
    const edge =
      structure === "trachea" ? paintTrachea(tissue, left, top, rng) : paintCarotid(tissue, left, bottom, rng);
    if (left) gland.left = Math.max(gland.left, edge);
    else gland.right = Math.min(gland.right, width - edge);
  }
  return gland;
}

/** The first cartilage ring: a bright arc, then the air's shadow. Returns how many columns it takes from its side. */
function paintTrachea(tissue: Tissue, left: boolean, top: number, rng: Random): number {
  const { width, height, unit } = tissue;
  const reach = width * rng.uniform(0.08, 0.17);
  const rx = width * rng.uniform(0.14, 0.2);
  const ry = height * rng.uniform(0.16, 0.24);
  const e: Ellipse = {
    cx: left ? reach - rx : width - reach + rx,
    cy: top + height * rng.uniform(0.06, 0.16) + ry,
    rx,
    ry,
  };
  fillEllipse(tissue, e, -6, 2 * unit);
  castBehind(tissue, { ...e, cy: e.cy - ry * 0.8, ry: ry * 0.8 }, -16);
  const wall = (2.5 * unit) / ry;
  overEllipse(tissue, e, 1 + wall, (i, rho) => {
    // Only the face towards the probe reflects.
    if (i < e.cy * width) tissue.level[i]! += 22 * bump((rho - 1) / wall);
  });
  return reach;
}

/** The carotid in cross-section: fluid in a bright wall, with enhancement behind it. */
function paintCarotid(tissue: Tissue, left: boolean, bottom: number, rng: Random): number {
  const { width, height, unit } = tissue;
  const r = height * rng.uniform(0.075, 0.115);
  const inset = r * rng.uniform(0.2, 1.15);
  const e: Ellipse = {
    cx: left ? inset : width - inset,
    cy: bottom - r * rng.uniform(0.6, 2.4),
    rx: r * rng.uniform(0.95, 1.15),
    ry: r,
  };
  paintVessel(tissue, e, 8);
  castBehind(tissue, e, 5);
  return inset + e.rx + 2 * unit;
}

function paintVessel(tissue: Tissue, e: Ellipse, wallGain: number): void {
  const wall = (2 * tissue.unit) / e.ry;
  fillEllipse(tissue, e, FLUID, tissue.unit);
  overEllipse(tissue, e, 1 + 2 * wall, (i, rho) => {
    tissue.level[i]! += wallGain * bump((rho - 1 - wall) / wall);
  });
}

/** Distractors: small vessels, colloid cysts, bright septa, dark patches, shadows from poor contact. */
function paintDistractors(tissue: Tissue, gland: Gland, rng: Random): void {
  const { width, height, unit } = tissue;
  const place = (rx: number, ry: number): Ellipse => ({
    cx: rng.uniform(0.05, 0.95) * width,
    cy: rng.uniform(gland.top + ry, gland.bottom + height * 0.1),
    rx,
    ry,
  });
  for (let n = rng.integer(0, 2); n > 0; n--) {
    const r = unit * rng.uniform(2, 4.5);
    paintVessel(tissue, place(r * rng.uniform(1, 2.2), r), 3);
  }
  for (let n = rng.integer(0, 1); n > 0; n--) {
    // Colloid in a follicle: a cyst with the bright point that makes a comet tail.
    const r = unit * rng.uniform(2.5, 5);
    const cyst = place(r, r);
    fillEllipse(tissue, cyst, FLUID, unit);
    addSpot(tissue, { ...cyst, rx: 1.8 * unit, ry: 1.5 * unit }, 30);
  }
  for (let n = rng.integer(0, 3); n > 0; n--) {
    addSpot(tissue, place(unit * rng.uniform(4, 14), unit * rng.uniform(1.2, 2)), rng.uniform(5, 12));
  }
  for (let n = rng.integer(0, 2); n > 0; n--) {
    addSpot(tissue, place(unit * rng.uniform(8, 20), unit * rng.uniform(5, 12)), rng.uniform(-6, 3));
  }
  for (let n = rng.integer(0, 2); n > 0; n--) {
    const e: Ellipse = { cx: rng.uniform(0, width), cy: 0, rx: width * rng.uniform(0.02, 0.06), ry: height * 0.2 };
    castBehind(tissue, e, rng.uniform(-7, -2));
  }
}
