/** Kernels in which each thread takes one vector of channels at a run of pixels. */
import { threadMain } from "./thread.ts";

/** Uniform: pixels P per sample; vectors per pixel; samples; a factor as bits. */
export const pixelsFields = ["pixels", "quads", "samples", "factor"] as const;

export const PIXELS_PER_THREAD = 8;

/** `main` with one vector of channels `q` of sample `n` per thread; `each` once per pixel, with the vector's index in `at`. */
export const pixelsMain = (threads: number, setup: string, each: string): string =>
  threadMain(
    { items: `p.samples * p.quads * ((p.pixels + ${PIXELS_PER_THREAD - 1}u) / ${PIXELS_PER_THREAD}u)`, threads },
    `  let P = p.pixels; let QUADS = p.quads;
  let BLOCKS = (P + ${PIXELS_PER_THREAD - 1}u) / ${PIXELS_PER_THREAD}u;
  let q = i % QUADS;
  let n = i / QUADS / BLOCKS;
  let begin = i / QUADS % BLOCKS * ${PIXELS_PER_THREAD}u;
  let end = min(begin + ${PIXELS_PER_THREAD}u, P);
${setup}
  for (var k = begin; k < end; k++) {
    let pixel = n * P + k;
    let at = pixel * QUADS + q;
${each}
  }`,
  );
