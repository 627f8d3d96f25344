/** Drawn digits: a font of 5 × 7 dots, moved, scaled, slanted, of any brightness, in noise. The same seed draws the same digits. */
import { uniform } from "../random.ts";

/** Height and width of an image, in pixels. */
export const SIDE = 16;

/** Rows of dots, from the top; `#` is ink. */
const font = `
.###. ..#.. .###. .###. ...#. ##### .###. ##### .###. .###.
#...# .##.. #...# #...# ..##. #.... #...# ....# #...# #...#
#..## ..#.. ....# ....# .#.#. ####. #.... ...#. #...# #...#
#.#.# ..#.. ...#. ..##. #..#. ....# ####. ..#.. .###. .####
##..# ..#.. ..#.. ....# ##### ....# #...# .#... #...# ....#
#...# ..#.. .#... #...# ...#. #...# #...# .#... #...# #...#
.###. .###. ##### .###. ...#. .###. .###. .#... .###. .###.`
  .trim()
  .split("\n")
  .map((row) => row.split(" "));

/** Ink of a digit at a point of the font, between its dots in proportion; 0 outside. */
function ink(digit: number, x: number, y: number): number {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const dot = (column: number, row: number) => (font[row]?.[digit]?.[column] === "#" ? 1 : 0);
  const along = (row: number) => dot(left, row) * (1 - (x - left)) + dot(left + 1, row) * (x - left);
  return along(top) * (1 - (y - top)) + along(top + 1) * (y - top);
}

export interface Digits {
  /** [N, SIDE, SIDE, 1], about 0 to 1. */
  readonly image: Float32Array;
  /** [N], 0 to 9. */
  readonly label: Uint32Array;
}

/** `count` digits of a seed. */
export function drawDigits(count: number, seed: number): Digits {
  const next = uniform(seed);
  const within = (low: number, high: number) => low + (high - low) * next();
  const image = new Float32Array(count * SIDE * SIDE);
  const label = new Uint32Array(count);
  for (let n = 0; n < count; n++) {
    label[n] = Math.floor(next() * 10);
    const [size, slant, light] = [within(1.3, 1.9), within(-0.3, 0.3), within(0.5, 1)];
    const [left, top] = [SIDE / 2 + within(-2, 2), SIDE / 2 + within(-2, 2)];
    for (let i = 0; i < SIDE * SIDE; i++) {
      const y = (Math.floor(i / SIDE) - top) / size;
      const x = ((i % SIDE) - left) / size + slant * y;
      const noise = 0.15 * (next() + next() + next() - 1.5);
      image[n * SIDE * SIDE + i] = light * ink(label[n]!, x + 2, y + 3) + noise;
    }
  }
  return { image, label };
}

/** The same digits in batches; the last may be smaller. */
export function* batches({ image, label }: Digits, size: number): Generator<Digits> {
  for (let from = 0; from < label.length; from += size) {
    const to = Math.min(label.length, from + size);
    yield { image: image.subarray(from * SIDE * SIDE, to * SIDE * SIDE), label: label.subarray(from, to) };
  }
}
