/** Prepared images for tests, each with its own pixels, label and boxes. */
import { stream } from "../../src/data/random.ts";
import type { Label, Prepared } from "../../src/data/sample.ts";

export function preparedImages(count: number, width: number, height: number): Prepared[] {
  return Array.from({ length: count }, (_, i) => {
    const random = stream(count, i);
    const share = () => ((random.next() >>> 0) % 64) / 64;
    return {
      id: `image-${i}`,
      group: `case-${i >> 1}`,
      label: ([0, 1, undefined] as Label[])[i % 3],
      width,
      height,
      grey: Uint8Array.from({ length: width * height }, () => random.next() & 255),
      boxes: Array.from({ length: 1 + (i % 2) }, () => {
        const [x0, y0] = [share() * 0.6 * width, share() * 0.6 * height].map(Math.floor) as [number, number];
        return { x0, y0, x1: x0 + Math.ceil(0.4 * width), y1: y0 + Math.ceil(0.4 * height) };
      }),
    };
  });
}
