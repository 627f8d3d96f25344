/** The gradient of a mean over pixels, and the sizes of kernels whose threads take runs of pixels. */
import { floatBits } from "../../shaders/lib/params.ts";
import { PIXELS_PER_THREAD, pixelsFields } from "../../shaders/lib/pixels.ts";
import { spreadPixels } from "../../shaders/spread.wgsl.ts";
import { ceilDiv } from "./grid.ts";
import { alongFirst, f32, nhwc, type Kernel } from "./kernel.ts";
import { perThread } from "./per-thread.ts";
import { lanesOf } from "./reduce.ts";

/** Of features f [N, H, W, C]: uniform, and the number of runs of pixels of all vectors of channels. */
export function pixelRuns(op: string, f: readonly number[], factor = 1) {
  const [n, h, w, c] = nhwc(op, f);
  const lanes = lanesOf(c);
  const pixels = h * w;
  const values = { pixels, quads: c / lanes, samples: n, factor: floatBits(factor) };
  const params = pixelsFields.map((name) => values[name]);
  return { lanes, n, c, pixels, params, blocks: n * ceilDiv(pixels, PIXELS_PER_THREAD) * (c / lanes) };
}

/** y [N, H, W, C] = factor * s [N, C], the same at every pixel. */
export function spreadKernel(y: readonly number[], factor: number): Kernel {
  const { lanes, blocks, params, n, c } = pixelRuns("spread", y, factor);
  const parts = alongFirst(y, (part) => spreadKernel(part, factor));
  const kernel = { name: "spread", inputs: [f32(n, c)], outputs: [f32(...y)], parts };
  return perThread(kernel, blocks, ({ threads }) => spreadPixels(threads, lanes), params);
}
