/**
 * The phantom: synthetic ultrasound-like images of thyroid nodules, generated from a seed. It stands in for clinical images in
 * tests and in the quick preset, where a small network must learn within minutes to outline the nodule and to tell
 * benign from malignant by the TI-RADS features. It says nothing about patients. There is one for each scanner of scanner.ts, so
 * that a network can be tested on another one than it was trained on.
 *
 * The same (scanner, seed, index, size) gives the same bytes on every machine: all randomness comes from one seeded generator
 * and all arithmetic is exact to the last bit (arithmetic.ts).
 */
import { paintNeck, type Gland } from "./anatomy.ts";
import { clamp, exp2, log2, smoothstep } from "./arithmetic.ts";
import { speckle } from "./fields.ts";
import { drawFeatures, type Label, type NoduleFeatures } from "./nodule-model.ts";
import { paintNodule } from "./nodule.ts";
import { drawOverlay, placeSector } from "./overlay.ts";
import { random, type Random } from "./random.ts";
import { PHANTOM, type PhantomName, type Scanner, scannerOf } from "./scanner.ts";
import { stream } from "../random.ts";
import type { Box, Point } from "../sample.ts";
import { makeTissue, type Tissue } from "./tissue.ts";

export interface PhantomImage {
  width: number;
  height: number;
  /** Row-major, one byte per pixel. */
  grey: Uint8Array;
  /** One per nodule, whole pixels of the frame. */
  boxes: Box[];
  /** The true outline of each nodule, in the order of `boxes`, pixels of the frame. */
  outlines: Point[][];
  /** 0 benign, 1 malignant. All nodules of an image are of its class. */
  label: Label;
  /** One per nodule, in the order of `boxes`. */
  features: NoduleFeatures[];
  /** The bounding rectangle of the scan within the frame. */
  tissue: Box;
}

export interface PhantomOptions {
  /** Default: "phantom". */
  scanner?: PhantomName;
  /**
   * Pixels of the frame; by default the scanner's, such as 288 x 216. The shorter side must be at least 200: below that, the tissue crop's
   * smallest closing (3 pixels) no longer fills the speckle, and dark tissue is cut off.
   */
  width?: number;
  height?: number;
}

/**
 * Image number `index` of the endless series given by `seed`. Of any two consecutive images 2k, 2k + 1, one is benign
 * and one malignant, in random order.
 *
 * @throws RangeError for a frame too small or too narrow.
 */
export function phantomImage(seed: number, index: number, options: PhantomOptions = {}): PhantomImage {
  const scanner = scannerOf(options.scanner ?? PHANTOM);
  const { width = scanner.frame.width, height = scanner.frame.height } = options;
  const side = Math.min(width, height);
  if (!(side >= 200) || Math.max(width, height) > 2 * side || !Number.isInteger(width) || !Number.isInteger(height)) {
    throw new RangeError(`phantom: a frame of ${width} x ${height}; sides are whole numbers from 200, at most 2 : 1`);
  }
  const flip = stream(seed, index >> 1, 2).next(); // a stream separate from those of the images
  const label = ((flip ^ index) & 1) as Label;
  const rng = random(seed, index);
  const sector = placeSector(width, height, scanner, rng);
  const tissue = makeTissue(sector.x1 - sector.x0, sector.y1 - sector.y0, side / 192, sector.convex, rng);
  const gland = paintNeck(tissue, rng);
  const nodules = placeNodules(tissue, gland, { label, scanner }, rng);
  const outlines = nodules.map(({ box, features }) => paintNodule(tissue, box, features, rng, scanner.contrast));

  const grey = new Uint8Array(width * height);
  scan(tissue, scanner, rng, (x, y, value) => {
    grey[(y + sector.y0) * width + x + sector.x0] = value;
  });
  drawOverlay({ width, height, grey }, sector, scanner, rng);
  return {
    width,
    height,
    grey,
    boxes: nodules.map(({ box }) => ({
      x0: box.x0 + sector.x0,
      y0: box.y0 + sector.y0,
      x1: box.x1 + sector.x0,
      y1: box.y1 + sector.y0,
    })),
    outlines: outlines.map((points) => points.map(({ x, y }) => ({ x: x + sector.x0, y: y + sector.y0 }))),
    label,
    features: nodules.map((nodule) => nodule.features),
    tissue: { x0: sector.x0, y0: sector.y0, x1: sector.x1, y1: sector.y1 },
  };
}

/** One nodule, in some images two; their sizes are distributed alike in both classes. */
function placeNodules(
  tissue: Tissue,
  gland: Gland,
  { label, scanner: { nodules: of } }: { label: Label; scanner: Scanner },
  rng: Random,
): { box: Box; features: NoduleFeatures }[] {
  const count = rng.chance(of.twoNodules) ? 2 : 1;
  const placed: { box: Box; features: NoduleFeatures }[] = [];
  const side = Math.min(tissue.width, tissue.height);
  for (let n = 0; n < count; n++) {
    const features = drawFeatures(label, rng, of);
    // The size is the geometric mean of the box's sides, so the class changes the box's shape but not its area.
    let size = side * rng.uniform(...(count === 1 ? of.size.one : of.size.two));
    for (let attempt = 0; attempt < 40; attempt++) {
      const root = Math.sqrt(features.aspect);
      const w = Math.round(size / root);
      const h = Math.round(size * root);
      let x0 = Math.round(rng.uniform(gland.left, Math.max(gland.left, gland.right - w)));
      // It may bulge out of the gland, a little to the front and more to the back.
      let y0 = Math.round(rng.uniform(gland.top - 0.1 * h, Math.max(gland.top, gland.bottom - 0.8 * h)));
      if (n === 0 && attempt === 39) [x0, y0] = [(tissue.width - w) >> 1, (tissue.height - h) >> 1]; // always fits
      const box: Box = { x0, y0, x1: x0 + w, y1: y0 + h };
      if (fits(tissue, box) && placed.every((other) => !near(box, other.box, 0.04 * side))) {
        placed.push({ box, features });
        break;
      }
      if (n > 0) size *= 0.98; // the second nodule takes the room left, or is omitted
    }
  }
  return placed;
}

function fits(tissue: Tissue, box: Box): boolean {
  const margin = 2;
  if (box.x0 < margin || box.y0 < margin) return false;
  if (box.x1 > tissue.width - margin || box.y1 > tissue.height - margin) return false;
  return [box.y0, box.y1 - 1].every(
    (y) => tissue.inside[y * tissue.width + box.x0] && tissue.inside[y * tissue.width + box.x1 - 1],
  );
}

function near(a: Box, b: Box, gap: number): boolean {
  return a.x0 < b.x1 + gap && b.x0 < a.x1 + gap && a.y0 < b.y1 + gap && b.y0 < a.y1 + gap;
}

/** Of amplitude: 20 log10(2). */
const DECIBELS_PER_OCTAVE = 6.020599913279624;

/**
 * Simulates the scanner: blurs the scatterers' echoes to speckle, attenuates with depth, compensates for that imperfectly,
 * and log-compresses. Gain and dynamic range are the operator's, so brightness alone is uninformative.
 */
function scan(tissue: Tissue, scanner: Scanner, rng: Random, put: (x: number, y: number, value: number) => void): void {
  const { width, height, unit, level, inside, depth, beam } = tissue;
  const amplitude = level.map((decibels) => exp2(decibels / DECIBELS_PER_OCTAVE));
  const beamWidth = { lateral: rng.uniform(...scanner.lateral) * unit, axial: rng.uniform(...scanner.axial) * unit };
  const { re, im } = speckle(amplitude, width, height, beamWidth, rng);
  const perDecibel = 255 / rng.uniform(...scanner.dynamicRange);
  const gland = rng.uniform(...scanner.gland);
  const slope = rng.uniform(...scanner.slope);
  const tilt = rng.uniform(...scanner.tilt);
  // Spatial compounding averages a few looks: it fills the speckle's black holes with part of the local mean.
  const fill = rng.uniform(...scanner.compounding);
  const { least, levels } = scanner.noise;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      if (!inside[i]) continue;
      const power = re[i]! * re[i]! + im[i]! * im[i]! + fill * amplitude[i]! * amplitude[i]!;
      const gain = slope * (depth[i]! - 0.4) + tilt * (beam[i]! - 0.5);
      const linear = clamp((gland + perDecibel * ((DECIBELS_PER_OCTAVE / 2) * log2(power) + gain)) / 255, 0, 1);
      // A scanner's grey map compresses the dark end.
      const value = scanner.greyMap === 1 ? 255 * linear : 255 * linear * Math.sqrt(linear);
      // The receiver's own noise keeps the dark from being black.
      const floor = least + (rng.bits() & (levels - 1));
      put(x, y, Math.round(floor + (value - floor) * smoothstep(floor - 30, floor + 30, value)));
    }
  }
}

/** The name of an image: "phantom-b-0-17". */
export const phantomId = (scanner: PhantomName, seed: number, index: number): string => `${scanner}-${seed}-${index}`;

export interface PhantomSeries extends PhantomOptions {
  count: number;
  seed: number;
  /** Index of the first image, so that a validation set can start where the training set ends. */
  start?: number;
}

/** A sample as readers of real data sets return it, plus the phantom's features. */
export type PhantomSample = PhantomImage & { id: string };

/** Images start .. start + count - 1 of the series. */
export function phantomSamples({ count, seed, start = 0, ...options }: PhantomSeries): PhantomSample[] {
  return Array.from({ length: count }, (_, i) => ({
    id: phantomId(options.scanner ?? PHANTOM, seed, start + i),
    ...phantomImage(seed, start + i, options),
  }));
}
