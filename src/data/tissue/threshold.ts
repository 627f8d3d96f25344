/** Thresholds to black and white, as OpenCV's `adaptiveThreshold` (mean, offset 0) and `threshold`. */
import type { GreyImage } from "../grey-image.ts";

/** White: pixels above the mean of the square of odd `side` around them, rounded; the picture's edge is repeated beyond it. */
export function aboveLocalMean({ width, height, grey }: GreyImage, side: number): Uint8Array {
  const reach = (side - 1) / 2;
  const area = side * side;
  const out = new Uint8Array(grey.length);
  /** By column, the sum of the rows within reach; on both sides the outermost ones repeated. */
  const columns = new Int32Array(width + side);
  const inside = columns.subarray(reach, reach + width);
  const row = (y: number) => Math.min(height - 1, Math.max(0, y)) * width;
  for (let y = -reach; y <= reach; y++) for (let x = 0, at = row(y); x < width; x++) inside[x]! += grey[at + x]!;
  for (let y = 0; y < height; y++) {
    columns.fill(inside[0]!, 0, reach).fill(inside[width - 1]!, reach + width);
    let sum = 0;
    for (let x = 0; x < side; x++) sum += columns[x]!;
    for (let x = 0, at = y * width; x < width; x++, at++) {
      // The area is odd, so that no mean lies halfway between two levels.
      if (2 * (grey[at]! * area - sum) >= area) out[at] = 255;
      sum += columns[x + side]! - columns[x]!;
    }
    const [leaves, enters] = [row(y - reach), row(y + reach + 1)];
    for (let x = 0; x < width; x++) inside[x]! += grey[enters + x]! - grey[leaves + x]!;
  }
  return out;
}

/** White: pixels above a level. */
export const aboveLevel = ({ grey }: GreyImage, level: number): Uint8Array => grey.map((g) => (g > level ? 255 : 0));
