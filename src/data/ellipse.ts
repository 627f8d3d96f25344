/** Draws the segmentation target: the ellipses inscribed in the boxes. */
import type { Box } from "./sample.ts";

/**
 * Writes 1 into every pixel inside the ellipse inscribed in at least one of the boxes and 0 elsewhere.
 *
 * A pixel is inside when its centre (x + 0.5, y + 0.5) is: ((x + 0.5 - cx) / a)² + ((y + 0.5 - cy) / b)² <= 1, with the
 * box's centre (cx, cy) and half its width and height (a, b), in double precision: bit for bit `ellipse_mask` of
 * test/reference/mganet_reference.py. A box without area has no pixel.
 *
 * @param out width × height values, row by row; made when not given
 */
export function ellipseMask(
  boxes: readonly Box[],
  width: number,
  height: number,
  out: Float32Array = new Float32Array(width * height),
): Float32Array {
  out.fill(0);
  for (const { x0, y0, x1, y1 } of boxes) {
    const [cx, cy, a, b] = [(x0 + x1) / 2, (y0 + y1) / 2, (x1 - x0) / 2, (y1 - y0) / 2];
    // One pixel more than the box on each side: rounding must decide as if the whole image were visited.
    const [left, right] = [Math.max(0, Math.floor(x0) - 1), Math.min(width, Math.ceil(x1) + 1)];
    const [top, bottom] = [Math.max(0, Math.floor(y0) - 1), Math.min(height, Math.ceil(y1) + 1)];
    for (let y = top; y < bottom; y++) {
      const v = (y + 0.5 - cy) / b;
      for (let x = left; x < right; x++) {
        const u = (x + 0.5 - cx) / a;
        if (u * u + v * v <= 1) out[y * width + x] = 1;
      }
    }
  }
  return out;
}
