/**
 * Draws the frame around the scan as a scanner shows it: settings on one side, a grey ramp on the other, the side's name below or
 * above, ruler ticks. None of it depends on the class; all of it must be cropped away before training.
 */
import { clamp } from "./arithmetic.ts";
import { ADVANCE, eachDot, GLYPH_HEIGHT } from "./font.ts";
import type { Random } from "./random.ts";
import type { Scanner } from "./scanner.ts";

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

const RAMP_WIDTH = 4;

/**
 * Chooses the scan's rectangle: at least 0.35 of the frame, and separated from the text by a black gap of over 4 % of the
 * shorter side, which the tissue crop needs to tell them apart.
 */
export function placeSector(
  width: number,
  height: number,
  { overlay, convex: share, shape }: Scanner,
  rng: Random,
): Sector {
  const side = Math.min(width, height);
  const dot = dotSize(width, height);
  const gap = gapSize(side);
  const roomForRamp = gap + RAMP_WIDTH * dot + 1;
  const roomForSettings = gap + overlay.characters * ADVANCE * dot + 1;
  const roomForCaption = gap + GLYPH_HEIGHT * dot + 2;
  const free = Math.round(side * rng.uniform(0.02, 0.05));
  const roomLeft = overlay.settingsOn === "left" ? roomForSettings : roomForRamp;
  const roomAbove = overlay.captionAt === "above" ? roomForCaption : free;
  const wide = width - roomForRamp - roomForSettings;
  const high = height - roomForCaption - free;
  const convex = rng.chance(share);
  // Limit the shape: the resize to a square turns the frame's shape into an error of the nodule's aspect ratio.
  const sectorHeight = Math.round(high * rng.uniform(0.9, 1));
  const sectorWidth = Math.round(Math.min(wide, sectorHeight * rng.uniform(...shape)));
  const x0 = roomLeft + rng.integer(0, wide - sectorWidth);
  return { x0, y0: roomAbove, x1: x0 + sectorWidth, y1: roomAbove + sectorHeight, convex };
}

/** Draws everything around the sector. */
export function drawOverlay(frame: Frame, sector: Sector, { overlay }: Scanner, rng: Random): void {
  const { width, height } = frame;
  const dot = dotSize(width, height);
  const gap = gapSize(Math.min(width, height));
  const ink = rng.integer(190, 255);

  const line = (GLYPH_HEIGHT + 3) * dot;
  const onLeft = overlay.settingsOn === "left";
  const column = onLeft ? 0 : width - overlay.characters * ADVANCE * dot;
  overlay.settings(rng).forEach((text, i) => drawText(frame, text, column, sector.y0 + i * line, dot, ink));

  const caption = rng.pick(overlay.captions(rng));
  const above = overlay.captionAt === "above";
  // Anywhere in the room between the gap and the frame's edge.
  const room = above ? sector.y0 - gap : height - sector.y1 - gap;
  const offset = rng.integer(0, Math.max(0, room - GLYPH_HEIGHT * dot - 1));
  const top = above ? sector.y0 - gap - GLYPH_HEIGHT * dot - offset : sector.y1 + gap + offset;
  drawText(frame, caption, sector.x0 + rng.integer(0, 20) * dot, top, dot, ink);

  const rampHeight = Math.round(height * 0.35);
  const rampTop = Math.round((height - rampHeight) / 2);
  const rampLeft = onLeft ? width - RAMP_WIDTH * dot : 0;
  for (let y = 0; y < rampHeight; y++) {
    const grey = Math.round(255 * (1 - y / rampHeight));
    for (let x = 0; x < RAMP_WIDTH * dot; x++) frame.grey[(rampTop + y) * width + rampLeft + x] = grey;
  }

  // Ruler: a tick per centimetre, too small to survive the crop's opening.
  const step = Math.round((sector.y1 - sector.y0) / rng.uniform(3.5, 6));
  const tickColumn = overlay.ticksOn === "left" ? sector.x0 - Math.ceil(gap / 2) : sector.x1 + Math.ceil(gap / 2);
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
