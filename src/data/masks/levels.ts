/**
 * Determines a mask's foreground. Masks come with 255, 1, a class or an instance as their level; as palettes, colours or
 * transparency; as JPEG, or as probabilities. Few levels with flat areas are classes: each but the background's is foreground,
 * and each is a separate nodule, even where they touch. Many levels are thresholded at half of the range in use.
 */
import { DataError } from "../sample.ts";
import { type Field, fieldOf, type MaskPixels } from "./field.ts";
import { clearFrame } from "./frame.ts";
import { countLit, requireNotInverted } from "./inverted.ts";
import { componentBoxes } from "../components.ts";
import { borderOf, opened, surrounded } from "./layers.ts";

/** How the user wants masks to be read. */
export interface MaskReading {
  /** The background is the brightest level, not the darkest. */
  inverted: boolean;
}

export interface MaskLayers {
  /** For each kind of foreground: width × height values, 1 where it is. Empty if all is background. */
  layers: Uint8Array[];
  /** What the user should know. */
  notes: string[];
}

/** Up to this many levels with flat areas are classes: noise and soft edges make more. */
const FEW_LEVELS = 6;
/** Maximum number of classes or nodules in a mask. */
const MAX_INSTANCES = 32;
/** Levels from 0 to below this are numbers of classes or nodules, not brightnesses. */
const MAX_NUMBER_LEVELS = 64;
/** Levels that differ by less than this share of the range are the same, up to noise: with few levels, and otherwise. */
const NEAR = { few: 0.02, noisy: 0.06 };
/** In a mask of flat areas, at least this share of the foreground is within `NEAR.few` of one of their levels. */
const MIN_FLAT_SHARE = 0.6;
/** A flat area with at least this many interior pixels, and this share of the largest one's, is a class. */
const MIN_INSIDE_PIXELS = 4;
const MIN_SHARE = 0.01;
/** In a mask without flat areas, soft edges cover at most this share of the image. */
const MAX_SOFT_SHARE = 0.4;
/** JPEG artefacts reach up to this level. */
const JPEG_NOISE = 16;
/** The colour of void borders in Pascal VOC's masks. */
const VOID = "224,224,192";

/** @throws DataError, phrased to follow "its mask NAME ", if it is unclear what the mask marks */
export function maskLayers(pixels: MaskPixels, reading: MaskReading): MaskLayers {
  const { field, note } = fieldOf(pixels);
  const notes = note === undefined ? [] : [note];
  if (field.values.length === 1) {
    const [level] = field.values[0]!;
    if (field.values[0]!.every((v) => v === 0) && !reading.inverted) return { layers: [], notes: [] };
    throw new DataError(`has the level ${show([level!])} everywhere: it marks nothing`);
  }
  if (field.lossy) {
    const most = Math.max(...field.values.flat());
    if (most < JPEG_NOISE)
      throw new DataError(`is a JPEG without a level above ${most}: what it marks, if anything, is lost`);
  }
  const found = new Levels(field, reading).layers();
  return { layers: found.layers, notes: [...notes, ...found.notes] };
}

class Levels {
  readonly #field: Field;
  readonly #inverted: boolean;
  readonly #background: number;
  /** Number of pixels of each level, and of those whose eight neighbours have the same level. */
  readonly #count: number[];
  readonly #inside: number[];
  /** The greatest distance from the background. */
  readonly #range: number;

  constructor(field: Field, { inverted }: MaskReading) {
    this.#field = field;
    this.#inverted = inverted;
    const { codes, values, width, height } = field;
    this.#count = values.map(() => 0);
    this.#inside = values.map(() => 0);
    for (let i = 0; i < codes.length; i++) this.#count[codes[i]!]!++;
    for (let y = 1; y < height - 1; y++) {
      for (let x = 1; x < width - 1; x++) if (flat(codes, y * width + x, width)) this.#inside[codes[y * width + x]!]!++;
    }
    this.#background = backgroundOf(field, this.#count, inverted);
    this.#range = Math.max(...values.map((_, code) => this.#distance(code, this.#background)));
  }

  layers(): MaskLayers {
    const { lossy, values } = this.#field;
    const grey = values[0]!.length === 1;
    const numbers =
      values.every(([v]) => Number.isInteger(v) && v! < MAX_NUMBER_LEVELS) && values.length <= MAX_INSTANCES;
    const exact = !lossy && (values.length <= FEW_LEVELS || (grey && numbers));
    const classes = exact ? this.#exactClasses() : this.#noisyClasses();
    if (classes.length >= 2 && classes.length <= MAX_INSTANCES) {
      const { width, height } = this.#field;
      const layers = this.#nearest(classes);
      const said = this.#settle(layers);
      const within = surrounded(layers, width, height);
      if (within.length === 0) {
        const names = classes.map((code) => this.#name(code)).join(", ");
        const note = `its mask has several ${grey ? "levels" : "colours"} (${names}): each is read as separate nodules`;
        return { layers, notes: [note, ...said] };
      }
      // Shades nested like contour lines are not classes.
      if (classes.length <= 3 || within.length < classes.length / 2) {
        const [inner, outer] = within[0]!.map((k) => this.#name(classes[k]!));
        throw new DataError(
          `has the level ${inner} inside the level ${outer}: which of them is the nodule is not known`,
        );
      }
    }
    return this.#cut(classes, exact);
  }

  /** For a mask without noise: the levels with flat areas, except the background's. */
  #exactClasses(): number[] {
    const near = NEAR.few * this.#range;
    const flats = this.#flatLevels();
    const classes: number[] = [];
    for (const code of flats) {
      if (this.#distance(code, this.#background) <= near) {
        // 1 beside 255 may be a class beside a void level, or an editor's noise.
        throw new DataError(
          `has the levels ${this.#field.values.map((_, c) => this.#name(c)).join(", ")}: ` +
            `whether ${this.#name(code)} is a nodule or background is not known`,
        );
      }
      // 254 beside 255 is the same level.
      if (!classes.some((other) => this.#distance(code, other) <= near)) classes.push(code);
    }
    const sure = classes.filter((code) => !this.#isVoid(code));
    return (sure.length > 0 ? sure : classes).sort((a, b) => a - b);
  }

  /** For a mask with noise or soft edges: levels around which most of the foreground clusters; none if it is spread out. */
  #noisyClasses(): number[] {
    const classes: number[] = [];
    for (const code of this.#flatLevels()) {
      const taken = [this.#background, ...classes];
      if (taken.every((other) => this.#distance(code, other) > NEAR.noisy * this.#range)) classes.push(code);
    }
    let [all, close] = [0, 0];
    this.#count.forEach((count, code) => {
      if (this.#distance(code, this.#background) <= NEAR.noisy * this.#range) return;
      all += count;
      if (classes.some((other) => this.#distance(code, other) <= NEAR.few * this.#range)) close += count;
    });
    return close >= MIN_FLAT_SHARE * all ? classes.sort((a, b) => a - b) : [];
  }

  /** The levels with flat areas, largest first. */
  #flatLevels(): number[] {
    const codes = this.#inside.map((_, code) => code).filter((code) => code !== this.#background);
    const most = Math.max(0, ...codes.map((code) => this.#inside[code]!));
    const least = Math.max(MIN_INSIDE_PIXELS, MIN_SHARE * most);
    return codes.filter((c) => this.#inside[c]! >= least).sort((a, b) => this.#inside[b]! - this.#inside[a]! || a - b);
  }

  /** A layer per class, of the pixels whose level is nearest to it; soft edges between two classes are not a third. */
  #nearest(classes: readonly number[]): Uint8Array[] {
    const { codes, values, width, height } = this.#field;
    const all = [this.#background, ...classes];
    const labelOf = values.map((_, code) => {
      if (this.#isVoid(code)) return 0;
      const distances = all.map((other) => this.#distance(code, other));
      return distances.indexOf(Math.min(...distances));
    });
    const labels = picked(codes, labelOf);
    const soft = this.#count.some((_, code) => !all.includes(code) && !this.#isVoid(code));
    const masks = classes.map((_, k) => labels.map((label) => (label === k + 1 ? 1 : 0)));
    return soft ? masks.map((mask) => opened(mask, width, height)) : masks;
  }

  /** One layer: pixels at least half as far from the background as the foreground is. */
  #cut(classes: readonly number[], exact: boolean): MaskLayers {
    const { codes, values, width, height } = this.#field;
    const sure = classes.length === 1 ? this.#distance(classes[0]!, this.#background) : undefined;
    const [floor, top] = sure === undefined ? [this.#floor(), this.#top()] : [0, sure];
    const distances = values.map((_, code) => (this.#isVoid(code) ? 0 : this.#distance(code, this.#background)));
    const levelsBeyond = (part: number) => distances.map((d) => (d >= floor + part * (top - floor) ? 1 : 0));
    const beyond = (part: number) => picked(codes, levelsBeyond(part));
    if (sure === undefined && values.length > MAX_NUMBER_LEVELS) {
      const between = countLit(beyond(0.25)) - countLit(beyond(0.75));
      if (between > MAX_SOFT_SHARE * codes.length)
        throw new DataError("has shades all over: it looks like a picture, not a mask");
    }
    const layer = beyond(0.5);
    const said = this.#settle([layer]);
    const faint = exact ? NEAR.few : 0.25;
    const none = levelsBeyond(faint).join() === levelsBeyond(0.5).join();
    const places = none ? [] : componentBoxes(beyond(faint), width, height).boxes;
    const fainter = places.filter(({ x0, y0, x1, y1 }) => {
      for (let y = y0; y < y1; y++) for (let x = x0; x < x1; x++) if (layer[y * width + x] !== 0) return false;
      return true;
    });
    const notes = [...this.#notesOnCut(), ...said];
    if (fainter.length > 0) {
      const [what, count] = fainter.length === 1 ? ["spot", "counts"] : ["spots", "count"];
      notes.push(`${fainter.length} fainter ${what} of its mask ${count} as background`);
    }
    return { layers: [layer], notes };
  }

  /** Clears lines along the borders, with a note. @throws DataError for an inverted mask */
  #settle(layers: readonly Uint8Array[]): string[] {
    const { width, height } = this.#field;
    const framed = layers.reduce((sum, layer) => sum + clearFrame(layer, width, height), 0);
    const union = Uint8Array.from(layers[0]!);
    for (const layer of layers.slice(1)) for (let i = 0; i < union.length; i++) union[i]! |= layer[i]!;
    requireNotInverted(union, width, height, this.#inverted);
    return framed === 0 ? [] : [`its mask has a line along ${framed} of its borders: left out`];
  }

  #notesOnCut(): string[] {
    const { values, lossy } = this.#field;
    const background = values[this.#background]!;
    if (background.length > 1) {
      const black = background.every((v) => v === 0);
      return black ? [] : [`its mask's background is the colour ${show(background)}, everything else is nodule`];
    }
    const [low, high] = [values[0]![0]!, values.at(-1)![0]!];
    const whole = high === 1 || (high >= 240 && high <= 255) || high >= 65000;
    if (low < 16 && whole && this.#background === 0 && (lossy || values.length <= FEW_LEVELS)) return [];
    if (values.length > 2) return [`its mask has levels from ${show([low])} to ${show([high])}: thresholded at half`];
    const [dark, lit] = this.#background === 0 ? [low, high] : [high, low];
    return [`its mask's background is ${show([dark])}, its nodules are ${show([lit])}`];
  }

  /** Distance of the brightest few pixels from the background: single ones may be noise. */
  #top(): number {
    const total = this.#field.codes.length;
    const byDistance = this.#count
      .map((count, code) => ({ count, distance: this.#distance(code, this.#background) }))
      .sort((a, b) => b.distance - a.distance);
    const foreground = byDistance.reduce(
      (sum, { count, distance }) => sum + (distance > this.#range / 4 ? count : 0),
      0,
    );
    let left = Math.min(total / 5000, foreground / 20);
    for (const { count, distance } of byDistance) if ((left -= count) <= 0) return distance;
    return this.#range;
  }

  /** Median distance of the border's pixels from the background's level, which noise may have pushed down. */
  #floor(): number {
    const { codes, width, height } = this.#field;
    const distances = borderOf(width, height).map((i) => this.#distance(codes[i]!, this.#background));
    const middle = distances.sort((a, b) => a - b)[distances.length >> 1]!;
    return middle < this.#range / 4 ? middle : 0;
  }

  #distance(a: number, b: number): number {
    const { values } = this.#field;
    return Math.hypot(...values[a]!.map((v, c) => v - values[b]![c]!));
  }

  #isVoid(code: number): boolean {
    return code !== this.#background && this.#field.values[code]!.join() === VOID;
  }

  #name(code: number): string {
    return show(this.#field.values[code]!);
  }
}

/** The background's level: the darkest; for colours black, else the one along most of the border. */
function backgroundOf({ codes, values, width, height }: Field, count: readonly number[], inverted: boolean): number {
  if (values[0]!.length === 1) return inverted ? values.length - 1 : 0;
  const black = values.findIndex((value) => value.every((v) => v === 0));
  if (black >= 0 && !inverted) return black;
  const onBorder = count.map(() => 0);
  const border = borderOf(width, height);
  for (const i of border) onBorder[codes[i]!]!++;
  const most = onBorder.indexOf(Math.max(...onBorder));
  if (onBorder[most]! >= border.length / 2) return most;
  throw new DataError("has colours, but none is black or lies along most of its border: the background is unknown");
}

/** Whether the eight neighbours of a pixel have its level. */
function flat(codes: Uint16Array, i: number, width: number): boolean {
  const code = codes[i];
  if (codes[i - 1] !== code || codes[i + 1] !== code) return false;
  const [up, down] = [i - width, i + width];
  if (codes[up - 1] !== code || codes[up] !== code || codes[up + 1] !== code) return false;
  return codes[down - 1] === code && codes[down] === code && codes[down + 1] === code;
}

/** Maps each pixel's level through `of`. */
function picked(codes: Uint16Array, of: readonly number[]): Uint8Array {
  const result = new Uint8Array(codes.length);
  for (let i = 0; i < codes.length; i++) result[i] = of[codes[i]!]!;
  return result;
}

const show = (value: readonly number[]) => value.map((v) => Number(v.toPrecision(4))).join(" ");
