/** Every network, small, with weights whose statistics and biases are no constants. */
import { PHANTOM, checkConfig, presetFor, type TrainConfig } from "../../src/train/config.ts";
import { IMAGE_DEVIATION, IMAGE_MEAN } from "../../src/data/batches.ts";
import type { Gpu } from "../../src/gpu/gpu.ts";
import { compile } from "../../src/graph/compile.ts";
import { Graph } from "../../src/graph/graph.ts";
import type { Model } from "../../src/models/model.ts";
import { buildModel } from "../../src/train/build.ts";
import { fusions } from "../../src/models/mganet/network.ts";
import { toTorch, torchShape } from "../../src/nn/layout.ts";
import type { Module, SavedState } from "../../src/nn/module.ts";
import { randomStream } from "../../src/nn/random.ts";

const configOf = (model: string, changes: Readonly<Record<string, unknown>>): TrainConfig =>
  checkConfig({ ...presetFor("quick", PHANTOM, model), crop: "none", ...changes });

const mganet = (changes: Readonly<Record<string, unknown>>): TrainConfig =>
  configOf("mganet", { width: 1 / 16, size: [64, 32], ...changes });

/** By name. Of MGA-Net every fusion, and places between and after all blocks; sizes that have to be padded, and windows that are shifted. */
export const smallConfigs: Readonly<Record<string, TrainConfig>> = {
  ...Object.fromEntries(fusions.map((fusion) => [`mganet ${fusion}`, mganet({ fusion })])),
  "mganet parallel, every block": mganet({ fusion: "parallel", at: "every-block" }),
  "mganet cbam, some scales, three classes": mganet({ fusion: "cbam", at: [1, 3], classes: ["a", "b", "c"] }),
  resnet34: configOf("resnet34", { width: 1 / 16, size: [64, 32] }),
  vgg16_bn: configOf("vgg16_bn", { width: 1 / 16, size: [64, 96] }),
  vgg16: configOf("vgg16", { width: 1 / 16, size: [32, 32] }),
  inception_v3: configOf("inception_v3", { width: 1 / 16, size: [96, 96] }),
  resnext50_32x4d: configOf("resnext50_32x4d", { width: 1 / 16, size: [64, 32] }),
  vit_b_16: configOf("vit_b_16", { width: 1 / 12, depth: 1 / 4, size: [64, 32] }),
  swin_t: configOf("swin_t", { width: 1 / 3, depth: 1 / 3, size: [96, 64] }),
};

/** The state of a network as a training might have left it. */
export function stirredState(net: Module): SavedState {
  const state: SavedState = new Map();
  for (const [name, parameter] of net.named()) {
    const { shape, layout, size } = parameter;
    const random = randomStream(1, name);
    const initial = parameter.initial ?? new Float32Array(size);
    const isConstant = initial.every((value) => value === initial[0]);
    const values = initial.map((value) => (isConstant ? value + 0.1 * random.normal() : value));
    const data = parameter.notNegative ? values.map((value) => Math.abs(value) + 0.2) : values;
    state.set(name, { dtype: "F32", shape: torchShape(shape, layout), data: toTorch(data, shape, layout) });
  }
  return state;
}

export const smallNetwork = (name: string) => {
  const config = smallConfigs[name]!;
  const model = buildModel(config);
  return { config, model, state: stirredState(model.net) };
};

/** Grey levels as a network takes them, [N, H, W, 3]. */
export const imagesOf = (grey: Uint8Array): Float32Array =>
  Float32Array.from(
    { length: 3 * grey.length },
    (_, i) => (grey[Math.floor(i / 3)]! / 255 - IMAGE_MEAN) / IMAGE_DEVIATION,
  );

/** Logits and mask as the program itself computes them in float32. */
export async function computed(
  gpu: Gpu,
  model: Model,
  state: SavedState,
  image: Float32Array,
  shape: readonly [number, number, number, number],
): Promise<Record<string, Float32Array>> {
  model.net.loadStateDict(gpu, state);
  const graph = new Graph();
  const { logits, mask } = model.phases.at(-1)!.infer(graph.input("image", shape));
  const outputs = { ...(logits ? { logits } : {}), ...(mask ? { mask } : {}) };
  const plan = await compile(gpu, graph, { outputs });
  const found = await plan.run({ image });
  plan.destroy();
  model.net.release(gpu);
  return found;
}
