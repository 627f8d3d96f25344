/** Grad-CAM and CAM of whole networks against PyTorch in float64, and relations that the maps must satisfy. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parseSafetensors, type SafeTensor } from "../../src/data/safetensors.ts";
import { releaseVariables } from "../../src/graph/storage.ts";
import type { Gpu } from "../../src/gpu/gpu.ts";
import { mganet } from "../../src/models/mganet/spec.ts";
import { Model } from "../../src/models/model.ts";
import { caseShape } from "../../src/models/parity-case.ts";
import { permute } from "../../src/nn/layout.ts";
import { Explainer, mapSizes, type Activation } from "../../src/explain/explainer.ts";
import { useGpu } from "../support/gpu.ts";
import { relativeError } from "../support/reference.ts";
import { slow } from "../support/selection.ts";

const gpu = useGpu();
const plain = useGpu({ without: ["subgroups"], defaultLimits: true });
const narrow = useGpu({ maxBindingBytes: 49152 });

const read = (name: string) => {
  const file = new URL(`../reference/data/${name}.safetensors`, import.meta.url);
  return parseSafetensors(readFileSync(file), name);
};

/** The network of a case with the batch normalisations of explain_reference.py, its two images and their masks. */
function load(device: Gpu, name: string) {
  const { metadata, tensors } = read(`mganet-${name}`);
  const { height, width, lr } = caseShape(metadata);
  const { tensors: explained } = read(`explain-${name}`);
  const state = new Map<string, SafeTensor & { data: Float32Array }>();
  for (const [source, prefix] of [
    [tensors, "init."],
    [explained, "state."],
  ] as const) {
    for (const [key, tensor] of source) {
      if (key.startsWith(prefix)) state.set(key.slice(prefix.length), tensor as SafeTensor & { data: Float32Array });
    }
  }
  const size: [number, number] = [Number(metadata["height"]), Number(metadata["width_px"])];
  const settings = { ...mganet.parity.settings(metadata), lr, epochs: {}, size };
  const model = new Model(mganet, settings, { classes: 2, seed: 0 });
  const { net } = model;
  net.loadStateDict(device, state);
  const pixels = height * width;
  const image = tensors.get("in.image")!.data.subarray(0, 6 * pixels) as Float32Array;
  const target = tensors.get("in.target")!.data as Float32Array;
  const masks = [target.subarray(0, pixels), target.subarray(pixels, 2 * pixels)];
  const release = () =>
    releaseVariables(
      device,
      [...net.named()].map(([, p]) => p),
    );
  return {
    model,
    size: [height, width] as const,
    image: permute(image, [2, 3, height, width], [0, 2, 3, 1]),
    masks,
    explained,
    release,
  };
}

/** What PyTorch says of image i. */
const expected = (tensors: ReadonlyMap<string, SafeTensor>, key: string, i: number) => {
  const { data } = tensors.get(`out.${key}`)!;
  return data.subarray((i * data.length) / 2, ((i + 1) * data.length) / 2) as Float32Array;
};

const { points } = mganet.explain;

const cases = (["gradcam", "cam"] as const).flatMap((method) =>
  points.filter((point) => method === "gradcam" || point === "L4").map((point) => ({ method, point })),
);

async function compareAll(device: Gpu, name: string, at: readonly string[] = points): Promise<void> {
  const { model, size, image, masks, explained, release } = load(device, name);
  try {
    for (const { method, point } of cases.filter((c) => at.includes(c.point))) {
      const explainer = await Explainer.create(device, model, { batch: 2, size, method, point });
      for (const classes of [
        [0, 1],
        [1, 0],
      ]) {
        const found = await explainer.explain(image, masks, classes);
        for (const [i, k] of classes.entries()) {
          for (const when of ["before", "after"] as const) {
            const key = `${method}.${point}.${k}.${when}`;
            const wanted = expected(explained, key, i);
            expect(relativeError(found[i]![when].values, wanted), `${key} of image ${i}`).toBeLessThanOrEqual(1e-4);
          }
        }
      }
      explainer.destroy();
    }
  } finally {
    release();
  }
}

describe("the maps of every scale, of both classes, before and after the enhancement agree with PyTorch in float64", () => {
  test.each(["none", "parallel", "every-block"])("%s", async (name) => compareAll(gpu(), name));
  test("parallel, without subgroups", slow, async () => compareAll(plain(), "parallel", ["L0"]));
  test("parallel, in parts", slow, async () => compareAll(narrow(), "parallel", ["L0"]));
});

describe("the maps among themselves", () => {
  const of = async (method: "gradcam" | "cam", batch: number): Promise<Activation[]> => {
    const { model, size, image, masks, release } = load(gpu(), "parallel");
    const explainer = await Explainer.create(gpu(), model, { batch, size, method, point: "L4" });
    const maps = await explainer.explain(image, masks, [1, 0]);
    explainer.destroy();
    release();
    return maps;
  };

  test("have the sizes that are foretold for each point", async () => {
    const { model, size, image, masks, release } = load(gpu(), "parallel");
    const sizes = mapSizes(model, size);
    for (const [i, point] of points.entries()) {
      const explainer = await Explainer.create(gpu(), model, { batch: 2, size, method: "gradcam", point });
      const [{ after }] = (await explainer.explain(image, masks, [1, 0])) as [Activation, Activation];
      expect([after.height, after.width], point).toEqual(sizes[i]);
      explainer.destroy();
    }
    release();
    expect(mapSizes(model, [96, 64])).toEqual([
      [48, 32],
      [24, 16],
      [12, 8],
      [6, 4],
      [3, 2],
    ]);
  });

  test("at L4 Grad-CAM is what is positive of CAM, divided by the number of pixels", async () => {
    const cam = await of("cam", 2);
    for (const [i, { after }] of (await of("gradcam", 2)).entries()) {
      const { values } = cam[i]!.after;
      expect(after).toMatchObject({ width: 2, height: 2 });
      const positive = values.map((v) => Math.max(v, 0) / values.length);
      expect(relativeError(after.values, positive)).toBeLessThanOrEqual(1e-5);
    }
  });

  test("CAM's mean is the logit less fc's bias", async () => {
    const { explained } = load(gpu(), "parallel");
    const bias = read("mganet-parallel").tensors.get("init.fc.bias")!.data as Float32Array;
    for (const [i, { after }] of (await of("cam", 2)).entries()) {
      const k = 1 - i;
      const mean = after.values.reduce((a, b) => a + b, 0) / after.values.length;
      const logit = expected(explained, "logits", i)[k]!;
      expect(Math.abs(mean + bias[k]! - logit)).toBeLessThanOrEqual(1e-5 * Math.abs(logit));
    }
  });

  test("an image's maps do not depend on what else is in the batch", async () => {
    const together = await of("gradcam", 2);
    for (const [i, one] of (await of("gradcam", 3)).entries()) {
      expect(relativeError(one.after.values, together[i]!.after.values)).toBeLessThanOrEqual(1e-6);
    }
    for (const [i, one] of (await of("gradcam", 1)).entries()) {
      expect(relativeError(one.after.values, together[i]!.after.values)).toBeLessThanOrEqual(1e-6);
    }
  });

  test("CAM is refused where fc does not follow", async () => {
    const { model, size } = load(gpu(), "none");
    await expect(Explainer.create(gpu(), model, { batch: 1, size, method: "cam", point: "L3" })).rejects.toThrow(
      "CAM is defined at L4",
    );
  });
});
