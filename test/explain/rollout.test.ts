/** Attention rollout of a whole network against PyTorch in float64, and what its shares must satisfy. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parseSafetensors } from "../../src/data/safetensors.ts";
import { Explainer, type Activation } from "../../src/explain/explainer.ts";
import { releaseVariables } from "../../src/graph/storage.ts";
import type { Gpu } from "../../src/gpu/gpu.ts";
import { Model } from "../../src/models/model.ts";
import { modelNamed } from "../../src/models/registry.ts";
import { vit } from "../../src/models/vit/spec.ts";
import { permute, torchShape } from "../../src/nn/layout.ts";
import { PHANTOM, presetFor } from "../../src/train/config.ts";
import { Predictor } from "../../src/train/predictor.ts";
import { useGpu } from "../support/gpu.ts";
import { relativeError } from "../support/reference.ts";
import { slow } from "../support/selection.ts";

const gpu = useGpu();
const plain = useGpu({ without: ["subgroups"], defaultLimits: true });
const narrow = useGpu({ maxBindingBytes: 393216 });

/** The case of explain_reference.py: two heads, three blocks, 4 x 6 patches. */
const size = [64, 96] as const;
const grid = [4, 6] as const;
const settings = { ...vit.presets.quick, width: 1 / 6, depth: 1 / 4, size };
const IMAGES = 3;
const pixels = size[0] * size[1];

/** explain_reference.py's `hashed`, from -0.5 to 0.5. */
function hashed(name: string, count: number): Float32Array {
  let seed = 0x811c9dc5;
  for (const byte of Buffer.from(name)) seed = Math.imul(seed ^ byte, 0x01000193);
  return Float32Array.from({ length: count }, (_, i) => {
    let x = (Math.imul(i, 0x9e3779b9) + seed) | 0;
    x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
    x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
    return ((x ^ (x >>> 16)) >>> 8) / 2 ** 24 - 0.5;
  });
}

/** Its `stirred`. */
function stirred(name: string, count: number): Float32Array {
  if (name.includes(".ln") && name.endsWith("weight")) return hashed(name, count).map((v) => 1 + v / 2);
  const isToken = name === "class_token" || name === "encoder.pos_embedding";
  const factor = name === "conv_proj.weight" ? 1 / 8 : name.includes(".mlp.") ? 1 / 4 : isToken ? 2 : 1 / 2;
  return hashed(name, count).map((v) => factor * v);
}

const image = permute(
  hashed("image", IMAGES * 3 * pixels).map((v) => 2 * v),
  [IMAGES, 3, ...size],
  [0, 2, 3, 1],
);
const file = "explain-rollout.safetensors";
const { tensors } = parseSafetensors(readFileSync(new URL(`../reference/data/${file}`, import.meta.url)), file);
const reference = (name: string) => tensors.get(`out.${name}`)!.data as Float32Array;

/** What `f` makes of the case's network. */
async function withNetwork<T>(device: Gpu, f: (model: Model) => Promise<T>): Promise<T> {
  const model = new Model(vit, settings, { classes: 2, seed: 0 });
  const named = [...model.net.named()];
  const state = named.map(([name, p]) => {
    const shape = torchShape(p.shape, p.layout);
    return [name, { dtype: "F32", shape, data: stirred(name, p.size) }] as const;
  });
  model.net.loadStateDict(device, new Map(state));
  try {
    return await f(model);
  } finally {
    releaseVariables(
      device,
      named.map(([, p]) => p),
    );
  }
}

async function rolloutOf(device: Gpu, batch: number, images = image): Promise<Activation[]> {
  return withNetwork(device, async (model) => {
    const explainer = await Explainer.create(device, model, { batch, size, method: "rollout" });
    expect(explainer.enhanced).toBe(false);
    const none = new Array<undefined>(images.length / (3 * pixels)).fill(undefined);
    const maps = await explainer.explain(images, none, none);
    explainer.destroy();
    return maps;
  });
}

function expectReference(maps: readonly Activation[]): void {
  expect(maps.length).toBe(IMAGES);
  const count = grid[0] * grid[1];
  for (const [i, { before, after }] of maps.entries()) {
    expect([after.height, after.width, before]).toEqual([...grid, after]);
    const expected = reference("rollout").subarray(i * count, (i + 1) * count);
    expect(relativeError(after.values, expected), `image ${i}`).toBeLessThanOrEqual(1e-5);
  }
}

test("of a non-square image, and an odd number of them, agrees with PyTorch in float64", async () =>
  expectReference(await rolloutOf(gpu(), IMAGES)));

test("without subgroups", slow, async () => expectReference(await rolloutOf(plain(), IMAGES)));

test("in parts", slow, async () => {
  // The weights have to fit a binding, so that only many images do not.
  const times = 4;
  const images = new Float32Array(times * image.length);
  for (let i = 0; i < times; i++) images.set(image, i * image.length);
  const maps = await rolloutOf(narrow(), times * IMAGES, images);
  for (let i = 0; i < times; i++) expectReference(maps.slice(i * IMAGES, (i + 1) * IMAGES));
});

test("one by one and in larger batches, it is the same", async () => {
  const together = await rolloutOf(gpu(), IMAGES);
  for (const batch of [1, 2, 5]) {
    for (const [i, { after }] of (await rolloutOf(gpu(), batch)).entries()) {
      expect(relativeError(after.values, together[i]!.after.values)).toBeLessThanOrEqual(1e-6);
    }
  }
});

test("the network that is explained is the one that predicts", async () => {
  const predicted = await withNetwork(gpu(), async (model) => {
    const predictor = await Predictor.create(gpu(), (x) => model.phase("training").infer(x), { batch: IMAGES, size });
    const predictions = await predictor.predict(image);
    predictor.destroy();
    return predictions.map(({ probabilities }) => Math.log(probabilities![1]! / probabilities![0]!));
  });
  const logits = reference("logits");
  const expected = predicted.map((_, i) => logits[2 * i + 1]! - logits[2 * i]!);
  expect(relativeError(Float32Array.from(predicted), Float32Array.from(expected))).toBeLessThanOrEqual(1e-4);
});

test("shares are not negative, differ between patches, and leave the class token its own", async () => {
  for (const { after } of await rolloutOf(gpu(), IMAGES)) {
    const values = [...after.values];
    expect(Math.min(...values)).toBeGreaterThan(0);
    expect(Math.max(...values)).toBeGreaterThan(3 * Math.min(...values));
    // At least half of it in each block stays in the class token.
    expect(values.reduce((a, b) => a + b)).toBeLessThan(1 - 2 ** -3);
  }
});

test.each(["mganet", "vgg16_bn", "swin_t"])("%s has none", async (id) => {
  const spec = modelNamed(id);
  const config = { ...presetFor("quick", PHANTOM, id), width: 1 / 16, size: [64, 96] as [number, number] };
  const model = new Model(spec, config, { classes: 2, seed: 0 });
  const made = Explainer.create(gpu(), model, { batch: 1, size, method: "rollout" });
  await expect(made).rejects.toThrow(`${id} has no attention rollout; it has gradcam`);
});

test("and the transformer has no features to explain", async () => {
  await withNetwork(gpu(), async (model) => {
    for (const method of ["gradcam", "cam"] as const) {
      const made = Explainer.create(gpu(), model, { batch: 1, size, method, point: "L4" });
      await expect(made).rejects.toThrow("vit_b_16 has no L4 to explain");
    }
  });
});
