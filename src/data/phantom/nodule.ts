/** Draws a nodule with given features into its box. */
import { bump, clamp, cosTurns, smoothstep } from "./arithmetic.ts";
import { smoothNoise } from "./fields.ts";
import type { Calcification, Composition, Echogenicity, Margin, NoduleFeatures } from "./nodule-model.ts";
import type { Random } from "./random.ts";
import type { Box, Point } from "../sample.ts";
import { addSpot, castBehind, fillEllipse, type Ellipse, type Tissue } from "./tissue.ts";

/** Mean level relative to the gland, decibels. */
const LEVEL: Readonly<Record<Echogenicity, number>> = {
  hyperechoic: 9,
  isoechoic: -3,
  hypoechoic: -9,
  markedlyHypoechoic: -15,
};

/** Half width of the transition at the margin, pixels of a 192-pixel frame. */
const EDGE: Readonly<Record<Margin, number>> = { smooth: 0.8, illDefined: 4, lobulated: 1, spiculated: 1 };

/** The outline in polar form: a radius for each of `TURN` directions, and the affine map that makes it fill -1..1. */
interface Outline {
  radius: Float32Array;
  centreX: number;
  centreY: number;
  halfX: number;
  halfY: number;
}

const TURN = 256;

/** Paints the nodule so that its outline, which it returns, touches the four sides of `box` (pixels of the tissue). */
export function paintNodule(tissue: Tissue, box: Box, features: NoduleFeatures, rng: Random, contrast = 1): Point[] {
  const outline = makeOutline(features.margin, rng);
  const body: Ellipse = {
    cx: (box.x0 + box.x1) / 2,
    cy: (box.y0 + box.y1) / 2,
    rx: (box.x1 - box.x0) / 2,
    ry: (box.y1 - box.y0) / 2,
  };
  if (features.composition === "partlyCystic") castBehind(tissue, body, 3); // fluid absorbs little
  paintBody(tissue, body, outline, { features, contrast }, rng);
  paintCysts(tissue, body, features.composition, rng);
  paintCalcifications(tissue, body, features.calcification, rng);
  return polygonOf(outline, body);
}

/** A circle deformed according to the margin. Every outline is also slightly oval and slanted. */
function makeOutline(margin: Margin, rng: Random): Outline {
  const radius = new Float32Array(TURN).fill(1);
  const wave = (n: number, height: number) => {
    const phase = rng.uniform(0, 1);
    for (let k = 0; k < TURN; k++) radius[k]! += height * cosTurns((n * k) / TURN + phase);
  };
  wave(2, rng.uniform(0, 0.06));
  wave(3, rng.uniform(0, 0.04));
  if (margin === "lobulated") {
    const lobes = rng.integer(4, 6);
    wave(lobes, rng.uniform(0.09, 0.13));
    wave(lobes + rng.integer(2, 3), rng.uniform(0.03, 0.06));
  } else if (margin === "spiculated") {
    const spikes = rng.integer(7, 11);
    for (let s = 0; s < spikes; s++) {
      const at = ((s + rng.uniform(-0.35, 0.35)) * TURN) / spikes;
      const height = rng.uniform(0.12, 0.45);
      const half = TURN / spikes / rng.uniform(2, 3.2);
      for (let k = Math.ceil(at - half); k <= at + half; k++) {
        radius[(k + TURN) % TURN]! += height * bump((k - at) / half);
      }
    }
  }
  let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
  for (let k = 0; k < TURN; k++) {
    const [dx, dy] = direction(k);
    left = Math.min(left, dx * radius[k]!);
    right = Math.max(right, dx * radius[k]!);
    top = Math.min(top, dy * radius[k]!);
    bottom = Math.max(bottom, dy * radius[k]!);
  }
  return {
    radius,
    centreX: (left + right) / 2,
    centreY: (top + bottom) / 2,
    halfX: (right - left) / 2,
    halfY: (bottom - top) / 2,
  };
}

/**
 * Directions are counted along a diamond instead of a circle: |x| + |y| = 1 stands in for the angle, because it needs
 * no arctangent (see arithmetic.ts). The two differ by at most 4 degrees.
 */
function direction(k: number): [number, number] {
  const along = (4 * k) / TURN;
  const x = along < 2 ? 1 - along : along - 3;
  const y = along < 1 ? along : along < 3 ? 2 - along : along - 4;
  const length = Math.sqrt(x * x + y * y);
  return [x / length, y / length];
}

/** The outline in pixels: the middle of the transition at the margin. */
const polygonOf = ({ radius, centreX, centreY, halfX, halfY }: Outline, { cx, cy, rx, ry }: Ellipse): Point[] =>
  Array.from(radius, (r, k): Point => {
    const [dx, dy] = direction(k);
    return { x: cx + ((dx * r - centreX) / halfX) * rx, y: cy + ((dy * r - centreY) / halfY) * ry };
  });

/** The radius of the outline in the direction of (x, y), interpolated. */
function radiusAt(outline: Outline, x: number, y: number): number {
  const t = x / (Math.abs(x) + Math.abs(y) + 1e-9);
  const along = ((y >= 0 ? 1 - t : 3 + t) * TURN) / 4;
  const k = Math.floor(along);
  const f = along - k;
  return outline.radius[k % TURN]! * (1 - f) + outline.radius[(k + 1) % TURN]! * f;
}

/** The body, its margin and its rim. */
function paintBody(
  tissue: Tissue,
  body: Ellipse,
  outline: Outline,
  { features, contrast }: { features: NoduleFeatures; contrast: number },
  rng: Random,
): void {
  const { width, height, unit } = tissue;
  const level = contrast * LEVEL[features.echogenicity] + rng.uniform(-1.2, 1.2);
  const edge = EDGE[features.margin] * unit;
  // Without a halo there is still a faint rim: nobody could outline an isoechoic nodule without one.
  const rim = features.halo
    ? rng.uniform(-13, -9)
    : features.echogenicity === "isoechoic" || features.echogenicity === "hyperechoic"
      ? -11
      : -5;
  const rimHalf = (features.halo ? rng.uniform(3.2, 4.4) : 2) * unit;
  const coarse = rng.uniform(0.5, 2);
  const texture = smoothNoise(width, height, width / (7 * unit), height / (7 * unit), rng);
  const holes =
    features.composition === "spongiform"
      ? smoothNoise(width, height, width / (4.5 * unit), height / (3.5 * unit), rng)
      : undefined;

  const reach = edge + rimHalf;
  const top = clamp(Math.floor(body.cy - body.ry - reach), 0, height - 1);
  const bottom = clamp(Math.ceil(body.cy + body.ry + reach), 0, height - 1);
  const left = clamp(Math.floor(body.cx - body.rx - reach), 0, width - 1);
  const right = clamp(Math.ceil(body.cx + body.rx + reach), 0, width - 1);
  for (let row = top; row <= bottom; row++) {
    const y = ((row + 0.5 - body.cy) / body.ry) * outline.halfY + outline.centreY;
    for (let column = left; column <= right; column++) {
      const x = ((column + 0.5 - body.cx) / body.rx) * outline.halfX + outline.centreX;
      const rho = Math.sqrt(x * x + y * y);
      // Pixels outwards from the outline along the ray; the ray's own length in pixels gives the scale.
      const dx = column + 0.5 - body.cx;
      const dy = row + 0.5 - body.cy;
      const perRho = Math.sqrt(dx * dx + dy * dy) / (rho + 1e-6);
      const outside = (rho - radiusAt(outline, x, y)) * perRho;
      const cover = 1 - smoothstep(-edge, edge, outside);
      const i = row * width + column;
      let value = level + coarse * texture[i]!;
      if (holes) value -= 13 * smoothstep(0.05, 0.45, holes[i]!);
      tissue.level[i]! += cover * (value - tissue.level[i]!) + rim * bump((outside + rimHalf * 0.5) / rimHalf);
    }
  }
}

/** Fluid in a partly cystic nodule. */
function paintCysts(tissue: Tissue, body: Ellipse, composition: Composition, rng: Random): void {
  if (composition !== "partlyCystic") return;
  for (let n = rng.integer(1, 2); n > 0; n--) {
    const rx = body.rx * rng.uniform(0.26, 0.48);
    const ry = body.ry * rng.uniform(0.26, 0.48);
    fillEllipse(tissue, { ...inBody(body, 0.42, rng), rx, ry }, -22, 1.2 * tissue.unit);
  }
}

function paintCalcifications(tissue: Tissue, body: Ellipse, kind: Calcification, rng: Random): void {
  const { unit } = tissue;
  switch (kind) {
    case "none":
      return;
    case "micro":
      for (let n = rng.integer(8, 14); n > 0; n--) {
        const r = unit * rng.uniform(2.1, 2.9);
        addSpot(tissue, { ...inBody(body, 0.7, rng), rx: r * 1.1, ry: r }, rng.uniform(19, 26));
      }
      return;
    case "macro":
      for (let n = rng.integer(1, 2); n > 0; n--) {
        const spot = { ...inBody(body, 0.5, rng), rx: unit * rng.uniform(5, 9), ry: unit * rng.uniform(2.5, 4) };
        castBehind(tissue, { ...spot, rx: spot.rx * 0.8 }, -13);
        addSpot(tissue, spot, 26);
      }
      return;
    case "cometTail":
      for (let n = rng.integer(1, 2); n > 0; n--) {
        // Reverberation within a crystal: a row of echoes behind it, each weaker and narrower.
        const head = inBody(body, 0.45, rng);
        for (let echo = 0; echo < 4; echo++) {
          const size = unit * (2.4 - 0.4 * echo);
          addSpot(tissue, { cx: head.cx, cy: head.cy + echo * 2.6 * unit, rx: size, ry: 1.6 * unit }, 20 - 3.5 * echo);
        }
      }
  }
}

/** A point within the given fraction of the body's radius, uniform over that area. */
function inBody(body: Ellipse, share: number, rng: Random): { cx: number; cy: number } {
  for (;;) {
    const x = rng.uniform(-1, 1);
    const y = rng.uniform(-1, 1);
    if (x * x + y * y <= 1) return { cx: body.cx + x * share * body.rx, cy: body.cy + y * share * body.ry };
  }
}
