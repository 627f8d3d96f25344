/** Decodes the pixels of a PNG file: any colour type and depth, interlaced or not, exactly and the same on every machine. */
import type { Levels } from "../grey-image.ts";
import { reasonOf } from "../sample.ts";
import { inflateUpTo } from "./inflate.ts";
import { badPng, KINDS, PALETTE, type Png } from "./png.ts";

/** The passes of an interlaced picture: first column and row, and steps between columns and rows (section 8.1). */
const ADAM7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

interface Pass {
  x: number;
  y: number;
  dx: number;
  dy: number;
  columns: number;
  rows: number;
}

/**
 * @returns up to 8 bits: red, green, blue, and alpha if the file has it, in 8 bits; 16 bits: the samples of the file, and alpha
 * @throws DataError, without the file's name, for pixels that are cut off or damaged
 */
export function decodePng(png: Png): Levels {
  const { width, height, depth, kind } = png;
  const { samples } = KINDS[kind];
  const stored = samplesOf(png);
  if (kind === PALETTE) return { width, height, ...fromPalette(stored, png) };
  if (depth === 16) return { width, height, ...withKey(stored, samples, png) };
  const scaled = depth === 8 ? stored : stored.map((level) => (level * 255) / (2 ** depth - 1));
  const keyed = withKey(scaled, samples, png);
  return { width, height, ...asColours(keyed.levels as Uint8Array, keyed.channels) };
}

/** The samples as stored, pixel by pixel. */
function samplesOf(png: Png): Uint8Array | Uint16Array {
  const { width, height, depth, kind, interlaced } = png;
  const { samples } = KINDS[kind];
  const passes = (interlaced ? ADAM7 : ([[0, 0, 1, 1]] as const))
    .map(([x, y, dx, dy]): Pass => ({ x, y, dx, dy, columns: steps(width, x, dx), rows: steps(height, y, dy) }))
    .filter(({ columns, rows }) => columns > 0 && rows > 0);
  const rowBytes = ({ columns }: Pass) => Math.ceil((columns * samples * depth) / 8);
  const bytes = inflated(
    png.data,
    passes.reduce((sum, pass) => sum + pass.rows * (1 + rowBytes(pass)), 0),
  );
  const out = new (depth === 16 ? Uint16Array : Uint8Array)(width * height * samples);
  let at = 0;
  for (const pass of passes) {
    const length = rowBytes(pass);
    let above = new Uint8Array(length);
    for (let row = 0; row < pass.rows; row++, at += 1 + length) {
      const line = bytes.subarray(at + 1, at + 1 + length);
      unfilter(bytes[at]!, line, above, Math.max(1, (samples * depth) / 8));
      above = line;
      let to = samples * ((pass.y + row * pass.dy) * width + pass.x);
      for (let i = 0; i < pass.columns * samples; i += samples, to += samples * pass.dx) {
        for (let s = 0; s < samples; s++) out[to + s] = sampleAt(line, i + s, depth);
      }
    }
  }
  return out;
}

const steps = (length: number, first: number, step: number) => Math.ceil(Math.max(0, length - first) / step);

function sampleAt(line: Uint8Array, i: number, depth: number): number {
  if (depth === 8) return line[i]!;
  if (depth === 16) return (line[2 * i]! << 8) | line[2 * i + 1]!;
  const bit = i * depth;
  return (line[bit >> 3]! >> (8 - depth - (bit & 7))) & (2 ** depth - 1);
}

function inflated(parts: readonly Uint8Array[], needed: number): Uint8Array<ArrayBuffer> {
  let out;
  try {
    out = inflateUpTo(parts, needed);
  } catch (error) {
    throw badPng(`it is damaged in its pixels (${reasonOf(error)})`);
  }
  if (out.length < needed) throw badPng("its pixels are cut off");
  return out;
}

/** No ICC profile is larger. */
const MAX_PROFILE_BYTES = 2 ** 22;

/** The ICC profile in an iCCP chunk: after a name, a zero and the method. @throws DataError */
export function profileOf({ profile }: Png): Uint8Array | undefined {
  if (!profile) return undefined;
  try {
    return inflateUpTo([profile.subarray(profile.indexOf(0) + 2)], MAX_PROFILE_BYTES);
  } catch (error) {
    throw badPng(`its profile is damaged (${reasonOf(error)})`);
  }
}

/** Undoes a row's filter in place (section 9.2). */
function unfilter(filter: number, line: Uint8Array, above: Uint8Array, step: number): void {
  for (let i = 0; i < line.length; i++) {
    const left = i < step ? 0 : line[i - step]!;
    const corner = i < step ? 0 : above[i - step]!;
    line[i]! += predicted(filter, left, above[i]!, corner);
  }
}

function predicted(filter: number, left: number, above: number, corner: number): number {
  switch (filter) {
    case 0:
      return 0;
    case 1:
      return left;
    case 2:
      return above;
    case 3:
      return (left + above) >> 1;
    case 4: {
      const [a, b, c] = [Math.abs(above - corner), Math.abs(left - corner), Math.abs(left + above - 2 * corner)];
      return a <= b && a <= c ? left : b <= c ? above : corner;
    }
    default:
      throw badPng("it is damaged in its pixels");
  }
}

function fromPalette(indices: ArrayLike<number>, { palette, transparency }: Png): Pick<Levels, "channels" | "levels"> {
  const channels = transparency ? 4 : 3;
  const levels = new Uint8Array(channels * indices.length);
  for (let i = 0, to = 0; i < indices.length; i++, to += channels) {
    const index = indices[i]!;
    if (3 * index >= palette.length) throw badPng(`it has the colour ${index}, which is not in its palette`);
    for (let c = 0; c < 3; c++) levels[to + c] = palette[3 * index + c]!;
    if (transparency) levels[to + 3] = transparency[index] ?? 255;
  }
  return { channels, levels };
}

/** With alpha, where one colour is transparent by the tRNS chunk. */
function withKey(
  stored: Uint8Array | Uint16Array,
  samples: number,
  { transparency, depth }: Png,
): { channels: number; levels: Uint8Array | Uint16Array } {
  if (!transparency || samples === 2 || samples === 4) return { channels: samples, levels: stored };
  if (transparency.length < 2 * samples) throw badPng("its transparency is damaged");
  const scale = depth < 8 ? 255 / (2 ** depth - 1) : 1;
  const key = Array.from({ length: samples }, (_, c) => sampleAt(transparency, c, 16) * scale);
  const opaque = depth === 16 ? 65535 : 255;
  const levels = new (depth === 16 ? Uint16Array : Uint8Array)((stored.length / samples) * (samples + 1));
  for (let i = 0, to = 0; i < stored.length; i += samples) {
    let clear = true;
    for (let c = 0; c < samples; c++) {
      const level = stored[i + c]!;
      clear &&= level === key[c];
      levels[to++] = level;
    }
    levels[to++] = clear ? 0 : opaque;
  }
  return { channels: samples + 1, levels };
}

/** Grey as red, green and blue, with alpha if it has it. */
export function asColours(levels: Uint8Array, channels: number): { channels: 3 | 4; levels: Uint8Array } {
  if (channels >= 3) return { channels: channels as 3 | 4, levels };
  const wide = channels === 2 ? 4 : 3;
  const out = new Uint8Array((levels.length / channels) * wide);
  for (let i = 0, to = 0; i < levels.length; i += channels, to += wide) {
    out[to] = out[to + 1] = out[to + 2] = levels[i]!;
    if (channels === 2) out[to + 3] = levels[i + 1]!;
  }
  return { channels: wide, levels: out };
}
