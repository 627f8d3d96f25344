/** The training step that is timed: a preset's, with parameters and batch that depend on nothing but a seed. */
import { ellipseMask } from "../src/data/ellipse.ts";
import type { Batch } from "../src/data/sample.ts";
import { MGANet } from "../src/models/mganet.ts";
import { randomStream } from "../src/nn/random.ts";
import { presets, type TrainConfig } from "../src/train/config.ts";
import type { ParameterValue, StepSetup } from "./peers/peer.ts";

/** The paper's: many steps on one batch stay in the range of ordinary numbers, whose arithmetic has its ordinary speed. */
const LR = 1e-4;

export function stepSetup(preset: TrainConfig["preset"], seed = 0): StepSetup {
  const { width, fusion, at, size, batch: n, alpha } = presets[preset];
  const model = { width, fusion, at };
  const parameters = new Map<string, ParameterValue>();
  for (const [name, { shape, size, initial, trainable }] of new MGANet(model, seed).named()) {
    parameters.set(name, { shape, data: initial ?? new Float32Array(size), trainable });
  }
  return { model, size, batch: randomBatch(n, size, seed), alpha, lr: LR, parameters };
}

/** The same network on four images of 64 x 64. */
export function reduced(setup: StepSetup, seed = 0): StepSetup {
  const size = [64, 64] as const;
  return { ...setup, size, batch: randomBatch(4, size, seed) };
}

/** Noisy images, brighter inside an ellipse each, which is the target. */
export function randomBatch(n: number, [h, w]: readonly [number, number], seed: number): Batch {
  const random = randomStream(seed, "batch");
  const image = new Float32Array(n * h * w * 3);
  const target = new Float32Array(n * h * w);
  for (let i = 0; i < n; i++) {
    const side = (length: number) => {
      const half = length * (0.1 + 0.2 * random.uniform());
      const centre = half + (length - 2 * half) * random.uniform();
      return [centre - half, centre + half] as const;
    };
    const [[x0, x1], [y0, y1]] = [side(w), side(h)];
    ellipseMask([{ x0, y0, x1, y1 }], w, h, target.subarray(i * h * w, (i + 1) * h * w));
  }
  for (const [i, inside] of target.entries()) image.fill(0.5 * random.normal() + inside, 3 * i, 3 * i + 3);
  const label = Uint32Array.from({ length: n }, (_, i) => i % 2);
  return { image, label, target, ids: Array.from(label, (_, i) => `random ${i}`) };
}
