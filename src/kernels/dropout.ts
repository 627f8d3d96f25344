/** Factors of dropout, drawn anew from counters wherever they are needed. */
import { dropScale, dropScaleFields } from "../../shaders/drop_scale.wgsl.ts";
import { floatBits } from "../../shaders/lib/params.ts";
import {
  f32,
  input,
  output,
  requireNumber,
  requireShape,
  requireWhole,
  u32,
  type Kernel,
  type Lowering,
} from "./kernel.ts";
import { threadDispatch } from "./per-thread.ts";
import { lanesOf } from "./reduce.ts";

export interface DropScaleOptions {
  /** The probability of a value to be dropped, below 1. */
  p: number;
  /** The drop's number in its network. */
  layer: number;
  /** Its lowest 32 bits count. */
  seed: number;
}

const WORDS = 2 ** 32;

/**
 * y [N, F] of 0 and 1 / (1 - p) from the number of the training step, u32 [1]. Value f of sample n depends on f, n, step, layer and
 * seed alone.
 * @throws ShapeError
 */
export function dropScaleKernel(n: number, features: number, options: DropScaleOptions): Kernel {
  const { p, layer, seed } = options;
  requireNumber("dropScale", "p", p, 0);
  requireShape(p < 1, () => `dropScale: p must be below 1, got ${p}`);
  for (const [name, value] of Object.entries({ layer, seed })) requireWhole("dropScale", name, value, 0);
  for (const [name, value] of Object.entries({ n, features })) requireWhole("dropScale", name, value, 1);
  requireShape(layer < WORDS, () => `dropScale: layer must be below 2^32, got ${layer}`);
  const lanes = lanesOf(features);
  const values = {
    features: features / lanes,
    seed: seed % WORDS,
    layer,
    threshold: Math.floor(p * WORDS),
    factor: floatBits(1 / (1 - p)),
  };
  /** Samples are numbered from the batch's first one, in parts too. */
  const lower = (counts: readonly number[]): Lowering => {
    let first = 0;
    const dispatches = counts.map((count) => {
      const range = { offset: 4 * features * first, bytes: 4 * features * count };
      const params = dropScaleFields.map((name) => (name === "first" ? first : values[name]));
      first += count;
      const to = counts.length > 1 ? { ...output(0), range } : output(0);
      const items = (count * features) / lanes;
      return threadDispatch("dropScale", items, [input(0), to], ({ threads }) => dropScale(threads, lanes), params);
    });
    return { variant: "plain", scratch: [], dispatches };
  };
  return {
    name: "dropScale",
    inputs: [u32(1)],
    outputs: [f32(n, features)],
    updates: [],
    flops: 0,
    traits: { cheap: true },
    parts: {
      units: n,
      of: (units) => dropScaleKernel(units, features, options),
      lower: (_, counts) => lower(counts),
    },
    lower: () => [lower([n])],
  };
}
