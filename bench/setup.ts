/** What is timed: networks and images that depend on nothing but a seed. */
import { ellipseMask } from "../src/data/ellipse.ts";
import type { Batch } from "../src/data/sample.ts";
import type { Gpu } from "../src/gpu/gpu.ts";
import { compile } from "../src/graph/compile.ts";
import { Graph } from "../src/graph/graph.ts";
import { readVariable, releaseVariables } from "../src/graph/storage.ts";
import { mganet } from "../src/models/mganet/spec.ts";
import { randomStream } from "../src/nn/random.ts";
import { PHANTOM, presetFor } from "../src/train/config.ts";
import { modelOf, quickOptions, timedPhase, type Built, type NetworkName } from "./shared-networks.ts";
import type { InferenceSetup, ParameterValue, StepSetup } from "./peers/peer.ts";

/** The paper's: many steps on one batch stay in the range of ordinary numbers, whose arithmetic has its ordinary speed. */
const LR = 1e-4;

/** A network and the images that it is timed on. */
export interface Size extends Built {
  /** As in the results. */
  readonly name: string;
  /** Images in a training step, on a GPU and on a software adapter, which takes seconds for one. */
  readonly batch: number;
  readonly softwareBatch: number;
}

const quick = presetFor("quick", PHANTOM);
const { alpha } = mganet.presets.quick;

/** A network at the scale of its quick preset, on images and in batches of MGA-Net's. */
const quickOf = (network: NetworkName) => ({
  network,
  options: quickOptions(network),
  ...{ size: quick.size, batch: quick.batch, softwareBatch: quick.batch },
});

/** MGA-Net's. */
export const quickSize: Size = {
  ...quickOf("mganet"),
  name: "quick",
  options: { ...quickOptions("mganet"), alpha },
};

/** Those of the networks that it is compared with. */
export const otherSizes: readonly Size[] = (
  ["vgg16_bn", "resnext50_32x4d", "resnext50-ungrouped", "vit_b_16"] as const
).map((network) => ({ ...quickOf(network), name: `quick-${network}` }));

/** MGA-Net at full width on images of 128 x 128 and of 224 x 224. */
export const fullSizes: readonly Size[] = ([128, 224] as const).map((side) => ({
  ...quickSize,
  ...{ name: `width-1-${side}x${side}`, options: { ...quickSize.options, width: 1 }, size: [side, side] },
  ...{ batch: 8, softwareBatch: 2 },
}));

export function stepSetup(given: Size, software: boolean, seed = 0): StepSetup {
  const { network, options, size } = given;
  const batch = randomBatch(software ? given.softwareBatch : given.batch, size, seed);
  return { network, options, size, batch, lr: LR, parameters: initialParameters(given, seed) };
}

/** How far values are from 0 that a network starts at 0. */
const STIRRED = 0.02;

/**
 * Those that a training starts with; of other networks than MGA-Net, what starts at 0 is drawn: behind a head of zeros, as a
 * transformer's, all gradients are 0 and everybody's agree.
 */
function initialParameters(built: Built, seed: number): Map<string, ParameterValue> {
  const parameters = new Map<string, ParameterValue>();
  for (const [name, { shape, layout, size, initial, trainable }] of modelOf(built, seed).net.named()) {
    const data = initial ?? new Float32Array(size);
    const random = randomStream(seed, `stirred ${name}`);
    const stirred = trainable && built.network !== "mganet" && data.every((value) => value === 0);
    const values = stirred ? data.map(() => STIRRED * random.normal()) : data;
    parameters.set(name, { shape, layout, data: values, trainable });
  }
  return parameters;
}

/** Inference on one image. The running statistics are what a pass over other images measures, as after a training. */
export async function inferenceSetup(gpu: Gpu, given: Size, seed = 0): Promise<InferenceSetup> {
  const { network, options, size } = given;
  const parameters = await calibrated(gpu, given, initialParameters(given, seed), seed);
  return { network, options, size, n: 1, image: randomBatch(1, size, seed).image, parameters };
}

/** PyTorch's share of a batch's statistics in the new running ones. */
const MOMENTUM = 0.1;

async function calibrated(gpu: Gpu, built: Built, parameters: Map<string, ParameterValue>, seed: number) {
  if ([...parameters.values()].every(({ trainable }) => trainable)) return parameters;
  const [n, side] = [4, 64];
  const model = modelOf({ ...built, size: [side, side] }, seed);
  const graph = new Graph({ training: true });
  const { logits } = timedPhase(model).infer(graph.input("image", [n, side, side, 3]));
  const plan = await compile(gpu, graph, { outputs: { logits: logits! } });
  await plan.run({ image: randomBatch(n, [side, side], seed + 1).image });
  const variables = [...model.net.named()];
  for (const [name, variable] of variables) {
    const before = parameters.get(name)!;
    if (before.trainable) continue;
    // All layers have moved MOMENTUM of the way, each from what the others had in this very batch.
    const after = await readVariable(gpu, variable);
    const data = after.map((value, i) => before.data[i]! + (value - before.data[i]!) / MOMENTUM);
    parameters.set(name, { ...before, data });
  }
  plan.destroy();
  releaseVariables(
    gpu,
    variables.map(([, variable]) => variable),
  );
  return parameters;
}

/** The same network, no wider than its quick preset's, on four images of 64 x 64. */
export function reduced(setup: StepSetup, seed = 0): StepSetup {
  const size = [64, 64] as const;
  const width = Math.min(setup.options.width, quickOptions(setup.network).width);
  const built = { network: setup.network, options: { ...setup.options, width }, size };
  return { ...setup, ...built, batch: randomBatch(4, size, seed), parameters: initialParameters(built, seed) };
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
