/** What is timed: networks and images that depend on nothing but a seed. */
import { ellipseMask } from "../src/data/ellipse.ts";
import type { Batch } from "../src/data/sample.ts";
import type { Gpu } from "../src/gpu/gpu.ts";
import { compile } from "../src/graph/compile.ts";
import { Graph } from "../src/graph/graph.ts";
import { readVariable, releaseVariables } from "../src/graph/storage.ts";
import { MGANet, type MGANetOptions } from "../src/models/mganet/network.ts";
import { randomStream } from "../src/nn/random.ts";
import { mganet } from "../src/models/mganet/spec.ts";
import { PHANTOM, presetFor } from "../src/train/config.ts";
import type { InferenceSetup, ParameterValue, StepSetup } from "./peers/peer.ts";

/** The paper's: many steps on one batch stay in the range of ordinary numbers, whose arithmetic has its ordinary speed. */
const LR = 1e-4;

/** A network and the images that it is timed on. */
export interface Size {
  /** As in the results. */
  readonly name: string;
  readonly model: MGANetOptions;
  readonly size: readonly [number, number];
  /** Images in a training step, on a GPU and on a software adapter, which takes seconds for one. */
  readonly batch: number;
  readonly softwareBatch: number;
}

const quick = presetFor("quick", PHANTOM);

/** The quick preset's. */
export const quickSize: Size = {
  name: "quick",
  model: modelOf(mganet.presets.quick),
  size: quick.size,
  batch: quick.batch,
  softwareBatch: quick.batch,
};

/** Full width on images of 128 x 128 and of 224 x 224. */
export const fullSizes: readonly Size[] = ([128, 224] as const).map((side) => {
  const name = `width-1-${side}x${side}`;
  return { name, model: modelOf(mganet.presets.paper), size: [side, side], batch: 8, softwareBatch: 2 };
});

function modelOf({ width, fusion, at }: MGANetOptions): MGANetOptions {
  return { width, fusion, at };
}

export function stepSetup({ model, size, ...by }: Size, software: boolean, seed = 0): StepSetup {
  const { alpha } = mganet.presets.quick;
  const batch = software ? by.softwareBatch : by.batch;
  return {
    model,
    size,
    batch: randomBatch(batch, size, seed),
    alpha,
    lr: LR,
    parameters: initialParameters(model, seed),
  };
}

function initialParameters(model: MGANetOptions, seed: number): Map<string, ParameterValue> {
  const parameters = new Map<string, ParameterValue>();
  for (const [name, { shape, size, initial, trainable }] of new MGANet(model, seed).named()) {
    parameters.set(name, { shape, data: initial ?? new Float32Array(size), trainable });
  }
  return parameters;
}

/** Inference on one image. The running statistics are what a pass over other images measures, as after a training. */
export async function inferenceSetup(gpu: Gpu, { model, size }: Size, seed = 0): Promise<InferenceSetup> {
  const parameters = await calibrated(gpu, model, initialParameters(model, seed), seed);
  return { model, size, n: 1, image: randomBatch(1, size, seed).image, parameters };
}

/** PyTorch's share of a batch's statistics in the new running ones. */
const MOMENTUM = 0.1;

async function calibrated(gpu: Gpu, model: MGANetOptions, parameters: Map<string, ParameterValue>, seed: number) {
  const net = new MGANet(model, seed);
  const [n, side] = [4, 64];
  const graph = new Graph({ training: true });
  const { logits } = net.forward(graph.input("image", [n, side, side, 3]));
  const plan = await compile(gpu, graph, { outputs: { logits } });
  await plan.run({ image: randomBatch(n, [side, side], seed + 1).image });
  for (const [name, variable] of net.named()) {
    const before = parameters.get(name)!;
    if (before.trainable) continue;
    // All layers have moved MOMENTUM of the way, each from what the others had in this very batch.
    const after = await readVariable(gpu, variable);
    const data = after.map((value, i) => before.data[i]! + (value - before.data[i]!) / MOMENTUM);
    parameters.set(name, { ...before, data });
  }
  plan.destroy();
  const variables = [...net.named()].map(([, variable]) => variable);
  releaseVariables(gpu, variables);
  return parameters;
}

/** The same network on four images of 64 x 64. */
export function reduced(setup: StepSetup, seed = 0): StepSetup {
  const size = [64, 64] as const;
  const model = { ...setup.model, width: Math.min(setup.model.width, quickSize.model.width) };
  return { ...setup, model, size, batch: randomBatch(4, size, seed), parameters: initialParameters(model, seed) };
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
