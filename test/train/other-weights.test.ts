/** A run begins from weights of torchvision and timm: whole networks, or the branch that they are of. Everything that happens to them is said. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { serializeSafetensors, type SafeTensor } from "../../src/data/safetensors.ts";
import { models } from "../../src/models/registry.ts";
import { torchShape, toTorch } from "../../src/nn/layout.ts";
import type { StateDict } from "../../src/nn/module.ts";
import { buildModel } from "../../src/train/build.ts";
import { WeightsError } from "../../src/io/weights.ts";
import { checkConfig, PHANTOM, presetFor, type TrainConfig } from "../../src/train/config.ts";
import { initialWeights, parseSource, takenText, type InitialWeights } from "../../src/train/initial.ts";

const small = (model: string, changes: object = {}) =>
  checkConfig({ ...presetFor("quick", PHANTOM, model), width: 1 / 16, size: [96, 96], ...changes });

/** Weights that a network of a seed has, by torchvision's names, some of them changed. */
function weightsOf(settings: TrainConfig, change: (name: string) => string | undefined = (name) => name): StateDict {
  const { net } = buildModel({ ...settings, seed: 9 });
  const state: StateDict = new Map();
  for (const [name, { shape, layout, size, initial }] of net.named()) {
    const renamed = change(name);
    if (renamed === undefined) continue;
    const data = toTorch(initial ?? new Float32Array(size), shape, layout);
    state.set(renamed, { shape: torchShape(shape, layout), data });
  }
  return state;
}

const file = "weights.safetensors";

async function beginning(settings: TrainConfig, weights: StateDict | [string, SafeTensor][]) {
  const tensors = [...weights].map(([name, tensor]) => [name, { dtype: "F32", ...tensor } as SafeTensor] as const);
  const source = await parseSource(serializeSafetensors(tensors, { format: "pt" }), file);
  const { parts, ...whole } = initialWeights(checkConfig({ ...settings, init: source.origin }), [source]);
  return { ...whole, ...parts[0]! };
}

const bits = ({ buffer, byteOffset, byteLength }: Float32Array) => Buffer.from(buffer, byteOffset, byteLength);

const same = (ours: Pick<InitialWeights, "state">, name: string, wanted: Float32Array) =>
  expect(bits(ours.state.get(name)!.data).equals(bits(wanted)), name).toBe(true);

describe("whole networks", () => {
  test.each(models.map(({ id }) => id))("all of %s is taken, the last layer too where it fits", async (id) => {
    const weights = weightsOf(small(id));
    const found = await beginning(small(id), weights);
    expect([found.taken.length, found.left, found.fresh]).toEqual([weights.size, [], []]);
    for (const [name, { data }] of weights) same(found, name, data);
    expect(found.notes).toEqual(["the last layer is taken: its classes are read as benign, malignant"]);
  });

  test("counters and half precision are no matter", async () => {
    const settings = small("resnet34");
    const weights = [...weightsOf(settings)].map(([name, { shape, data }]): [string, SafeTensor] => [
      `module.${name}`,
      // The upper halves of float32 are bf16.
      {
        dtype: "BF16",
        shape: [...shape],
        data: Uint16Array.from(new Uint32Array(data.slice().buffer), (bits) => bits >>> 16),
      },
    ]);
    const counter = (i: number): [string, SafeTensor] => [
      `module.bn${i}.num_batches_tracked`,
      { dtype: "I64", shape: [], data: BigInt64Array.of(7n) },
    ];
    const found = await beginning(settings, [...weights, counter(1)]);
    expect(found.taken.length).toBe(weights.length);
    expect(found.left).toEqual([]);
    expect(found.notes).toContain('names are read without "module."');
    const [name, { data }] = [...weightsOf(settings)][0]!;
    const cut = new Float32Array(
      Uint32Array.from(new Uint32Array(data.slice().buffer), (bits) => bits & 0xffff0000).buffer,
    );
    same(found, name, cut);
  });
});

/** torchvision's names as timm's. */
const TIMM: Readonly<Record<string, (name: string) => string>> = {
  vit_b_16: (name) =>
    name
      .replace("class_token", "cls_token")
      .replace("encoder.pos_embedding", "pos_embed")
      .replace("conv_proj", "patch_embed.proj")
      .replace("encoder.ln.", "norm.")
      .replace("heads.head", "head")
      .replace(/encoder\.layers\.encoder_layer_(\d+)/, "blocks.$1")
      .replace(".ln_", ".norm")
      .replace("self_attention.in_proj_", "attn.qkv.")
      .replace("self_attention.out_proj", "attn.proj")
      .replace("mlp.0", "mlp.fc1")
      .replace("mlp.3", "mlp.fc2"),
  swin_t: (name) =>
    name
      .replace("features.0.0.", "patch_embed.proj.")
      .replace("features.0.2.", "patch_embed.norm.")
      .replace(
        /^features\.([1357])\.(\d+)/,
        (_, at: string, block: string) => `layers.${(Number(at) - 1) / 2}.blocks.${block}`,
      )
      .replace(/^features\.([246])/, (_, at: string) => `layers.${Number(at) / 2}.downsample`)
      .replace("mlp.0", "mlp.fc1")
      .replace("mlp.3", "mlp.fc2")
      .replace(/^head\./, "head.fc."),
  vgg16_bn: (name) =>
    name
      .replace("classifier.0", "pre_logits.fc1")
      .replace("classifier.3", "pre_logits.fc2")
      .replace("classifier.6", "head.fc"),
};

describe("timm's networks", () => {
  test.each(Object.keys(TIMM))("%s is torchvision's by other names", async (id) => {
    const weights = weightsOf(small(id));
    const renamed: StateDict = new Map();
    for (const [name, tensor] of weights) {
      const { shape } = tensor;
      const filter = /^pre_logits\.fc1\.weight|^pre_logits\.fc2\.weight/.test(TIMM[id]!(name));
      // There they are convolutions, the first as large as the map.
      const side = name === "classifier.0.weight" ? (shape[1]! % 49 === 0 ? 7 : 3) : 1;
      const cut = filter ? [shape[0]!, shape[1]! / side ** 2, side, side] : [...shape];
      renamed.set(TIMM[id]!(name), { ...tensor, shape: cut });
    }
    const found = await beginning(small(id), renamed);
    expect([found.left, found.fresh]).toEqual([[], []]);
    for (const [name, { data }] of weights) same(found, name, data);
    expect(found.notes[0]).toBe("timm's names are read as torchvision's");
  });

  test("older versions of Swin have each downsampling at the end of a stage", async () => {
    const settings = small("swin_t");
    const older = weightsOf(settings, (name) =>
      TIMM["swin_t"]!(name)
        .replace(/^layers\.(\d)\.downsample/, (_, stage: string) => `layers.${Number(stage) - 1}.downsample`)
        .replace("head.fc.", "head."),
    );
    const found = await beginning(settings, older);
    expect([found.left, found.fresh]).toEqual([[], []]);
    for (const [name, { data }] of weightsOf(settings)) same(found, name, data);
  });
});

describe("a branch", () => {
  test("MGA-Net takes a ResNet34 as its classifier, and a ResNet18 as its encoder", async () => {
    const settings = small("mganet");
    const branch = (prefix: string) =>
      weightsOf(settings, (name) => (name.startsWith(prefix) ? name.slice(prefix.length) : undefined));
    for (const module of ["classifier", "segmenter.encoder"]) {
      const weights = branch(`${module}.`);
      weights.set("fc.weight", { shape: [1000, 32], data: new Float32Array(32_000) });
      const found = await beginning(settings, weights);
      expect(found.taken).toEqual([...weights.keys()].slice(0, -1).map((name) => `${module}.${name}`));
      expect(found.left).toEqual(["fc.weight"]);
      expect(found.fresh.some((name) => name.startsWith(`${module}.`))).toBe(false);
      expect(takenText(found, found.fresh)).toMatch(
        new RegExp(`^\\d+ tensors taken; left: 1 of fc; .*; the weights are of the ${module}$`),
      );
    }
  });

  test("a first layer for one channel becomes one for three that answers a grey image alike", async () => {
    const settings = small("resnet34");
    const weights = weightsOf(settings);
    const { shape, data } = weights.get("conv1.weight")!;
    const [filters, , height, width] = shape as [number, number, number, number];
    const one = data.slice(0, filters * height * width);
    weights.set("conv1.weight", { shape: [filters, 1, height, width], data: one });
    const found = await beginning(settings, weights);
    const wide = found.state.get("conv1.weight")!.data;
    for (let i = 0; i < one.length; i++) {
      const [filter, tap] = [Math.floor(i / (height * width)), i % (height * width)];
      const sum = [0, 1, 2].reduce((total, channel) => total + wide[(3 * filter + channel) * height * width + tap]!, 0);
      expect(sum).toBeCloseTo(one[i]!, 6);
    }
    expect(found.notes).toContain("conv1.weight was made for one channel: each of three has a third of it");
  });
});

describe("what does not fit is refused with both shapes or names", () => {
  const refused = async (settings: TrainConfig, weights: StateDict | [string, SafeTensor][], reason: RegExp) => {
    const begun = beginning(settings, weights);
    await expect(begun).rejects.toThrow(WeightsError);
    await expect(begun).rejects.toThrow(reason);
  };

  test("another width", () =>
    refused(
      small("resnet34"),
      weightsOf(small("resnet34", { width: 1 / 8 })),
      /^weights\.safetensors: does not fit the network: conv1\.weight is \[8, 3, 7, 7\], the network has \[4, 3, 7, 7\]$/,
    ));

  test("another network", () =>
    refused(
      small("vit_b_16"),
      weightsOf(small("swin_t")),
      /none of its weights has a name of the network's, such as class_token; its first is features\.0\.0\.weight$/,
    ));

  test("a part of a layer", () =>
    refused(
      small("resnet34"),
      weightsOf(small("resnet34"), (name) => (name === "layer2.1.bn1.bias" ? undefined : name)),
      /does not fit the network: layer2\.1\.bn1\.bias \[8\] is missing$/,
    ));

  test("whole numbers, and no numbers", async () => {
    const ints: [string, SafeTensor][] = [["w", { dtype: "I32", shape: [1], data: new Int32Array(1) }]];
    await refused(small("resnet34"), ints, /w is I32, of which weights are not made$/);
    const nan: [string, SafeTensor][] = [["w", { dtype: "F32", shape: [1], data: Float32Array.of(NaN) }]];
    await refused(small("resnet34"), nan, /w holds values that are not finite$/);
    await refused(small("resnet34"), [], /has no weights$/);
  });

  test("a branch that is to stay as it is", async () => {
    const weights = new Uint8Array(readFileSync(new URL("../reference/data/torch/protocol-3.pth", import.meta.url)));
    const { origin } = await parseSource(weights, "w.pth");
    const frozen = { ...small("mganet"), init: origin, freeze: "segmentation" };
    expect(() => checkConfig({ ...frozen, epochs: { segmentation: 0, joint: 1 } })).toThrow(
      /w\.pth does not say what it has learned: the segmentation branch must be trained/,
    );
  });
});
