/** Draws what the segmentation branch learns to mark. */
import { ellipseMask } from "./ellipse.ts";
import type { Box, Prepared } from "./sample.ts";

/** The ellipses inscribed in the boxes, the boxes themselves, or the nodules' true outlines. */
export const maskTargets = ["ellipse", "box", "outline"] as const;
export type MaskTarget = (typeof maskTargets)[number];

/** Whether an image has a target of that kind; if it is known to have no nodule, it has an empty one. */
export const hasTarget = (
  { boxes, shape, outline }: { boxes: readonly Box[]; shape?: unknown; outline?: "none" },
  target: MaskTarget,
): boolean => outline === "none" || (target === "outline" ? shape !== undefined : boxes.length > 0);

/**
 * Writes an image's target into `out`, width × height values: 1 inside the nodules, 0 elsewhere, and all over an image without a
 * target of that kind.
 */
export function drawTarget(
  { boxes, shape, width, height }: Pick<Prepared, "boxes" | "shape" | "width" | "height">,
  target: MaskTarget,
  out: Float32Array,
): void {
  if (target === "ellipse") ellipseMask(boxes, width, height, out);
  else if (target === "box") boxMask(boxes, width, height, out);
  else if (shape) out.set(shape);
  else out.fill(0);
}

/** Writes 1 into every pixel whose centre lies in at least one of the boxes, left and upper edges included, and 0 elsewhere. */
function boxMask(boxes: readonly Box[], width: number, height: number, out: Float32Array): void {
  out.fill(0);
  for (const { x0, y0, x1, y1 } of boxes) {
    const [left, right] = [Math.max(0, Math.ceil(x0 - 0.5)), Math.min(width, Math.ceil(x1 - 0.5))];
    for (let y = Math.max(0, Math.ceil(y0 - 0.5)); y < Math.min(height, Math.ceil(y1 - 0.5)); y++) {
      if (right > left) out.fill(1, y * width + left, y * width + right);
    }
  }
}
