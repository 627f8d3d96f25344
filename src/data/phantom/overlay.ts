/**
 * Draws the frame around the scan as a scanner shows it: settings to the right, a grey ramp to the left, the side's name
 * below, ruler ticks. None of it depends on the class; all of it must be cropped away before training.
 */
import { clamp } from "./arithmetic.ts";
import { ADVANCE, eachDot, GLYPH_HEIGHT } from "./font.ts";
import type { Random } from "./random.ts";

/** The whole frame, 8-bit grey. */
export interface Frame {
  width: number;
  height: number;
  grey: Uint8Array;
}

/** Where the scan lies in the frame, whole pixels. */
export interface Sector {
  x0: number;
  y0: number;
  x1: number;
  y1: number;
  convex: boolean;
}

const SETTINGS_CHARACTERS = 4;
const RAMP_WIDTH = 4;

/**
 * Chooses the scan's rectangle: at least 0.35 of the frame, and separated from the text by a black gap of over 4 % of the
 * shorter side, which the tissue crop needs to tell them apart.
 */
export function placeSector(width: number, height: number, rng: Random): Sector {
  const side = Math.min(width, height);
  const dot = dotSize(width, height);
  const gap = gapSize(side);
  const roomLeft = gap + RAMP_WIDTH * dot + 1;
  const roomRight = gap + SETTINGS_CHARACTERS * ADVANCE * dot + 1;
  const roomBelow = gap + GLYPH_HEIGHT * dot + 2;
  const roomAbove = Math.round(side * rng.uniform(0.02, 0.05));
  const wide = width - roomLeft - roomRight;
  const high = height - roomBelow - roomAbove;
  const convex = rng.chance(0.25);
  // Limit the shape: the resize to a square turns the frame's shape into an error of the nodule's aspect ratio.
  const sectorHeight = Math.round(high * rng.uniform(0.9, 1));
  const sectorWidth = Math.round(Math.min(wide, sectorHeight * rng.uniform(1.08, 1.32)));
  const x0 = roomLeft + rng.integer(0, wide - sectorWidth);
  return { x0, y0: roomAbove, x1: x0 + sectorWidth, y1: roomAbove + sectorHeight, convex };
}

/** Draws everything around the sector. */
export function drawOverlay(frame: Frame, sector: Sector, rng: Random): void {
  const { width, height } = frame;
  const dot = dotSize(width, height);
  const gap = gapSize(Math.min(width, height));
  const ink = rng.integer(190, 255);

  const line = (GLYPH_HEIGHT + 3) * dot;
  const settings = [
    "P100",
    "12L6",
    `${rng.integer(15, 40)}F`,
    `DR${rng.integer(50, 75)}`,
    `G${rng.integer(40, 95)}`,
    "2DG",
  ];
  const column = width - SETTINGS_CHARACTERS * ADVANCE * dot;
  settings.forEach((text, i) => drawText(frame, text, column, sector.y0 + i * line, dot, ink));

  const captions = ["LOBE R", "LOBE L", "THYROID", "IZQ", "DER", "R TRANS", "L TRANS", `ID ${rng.integer(1000, 9999)}`];
  const caption = rng.pick(captions);
  const under = sector.y1 + gap + rng.integer(0, Math.max(0, height - sector.y1 - gap - GLYPH_HEIGHT * dot - 1));
  drawText(frame, caption, sector.x0 + rng.integer(0, 20) * dot, under, dot, ink);

  const rampHeight = Math.round(height * 0.35);
  const rampTop = Math.round((height - rampHeight) / 2);
  for (let y = 0; y < rampHeight; y++) {
    const grey = Math.round(255 * (1 - y / rampHeight));
    for (let x = 0; x < RAMP_WIDTH * dot; x++) frame.grey[(rampTop + y) * width + x] = grey;
  }

  // Ruler: a tick per centimetre, too small to survive the crop's opening.
  const step = Math.round((sector.y1 - sector.y0) / rng.uniform(3.5, 6));
  const tickColumn = sector.x0 - Math.ceil(gap / 2);
  for (let y = sector.y0; y <= sector.y1; y += step) setPixel(frame, tickColumn, y, ink);
}

/** Pixels per dot of the font. */
function dotSize(width: number, height: number): number {
  return Math.max(1, Math.floor(Math.min(width, height) / 180));
}

function gapSize(side: number): number {
  return Math.ceil(side * 0.045);
}

function drawText(frame: Frame, text: string, left: number, top: number, dot: number, ink: number): void {
  eachDot(text, (x, y) => {
    for (let dy = 0; dy < dot; dy++) {
      for (let dx = 0; dx < dot; dx++) setPixel(frame, left + x * dot + dx, top + y * dot + dy, ink);
    }
  });
}

function setPixel(frame: Frame, x: number, y: number, grey: number): void {
  if (x >= 0 && y >= 0 && x < frame.width && y < frame.height) frame.grey[y * frame.width + x] = clamp(grey, 0, 255);
}
