/** What every registered model's spec must provide. */
import { Option } from "commander";
import { describe, expect, test } from "vitest";
import type * as z from "zod";
import { methodsOf } from "../../src/explain/methods.ts";
import { Graph } from "../../src/graph/graph.ts";
import { previewOf } from "../../src/graph/preview.ts";
import { Model } from "../../src/models/model.ts";
import { DEFAULT_MODEL, modelNamed, models } from "../../src/models/registry.ts";
import { torchShape } from "../../src/nn/layout.ts";
import { settingText } from "../../src/models/setting.ts";
import {
  commonSettings,
  configSchema,
  PHANTOM,
  presetFor,
  presetNames,
  type TrainConfig,
} from "../../src/train/config.ts";

const nameOf = (flags: string) => new Option(flags).attributeName();

test("models have names of their own, and an unknown one is refused with a list of them", () => {
  const ids = models.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  for (const spec of models) expect(modelNamed(spec.id)).toBe(spec);
  expect(ids).toContain(DEFAULT_MODEL);
  expect(() => modelNamed("vgg")).toThrow(`model: there is no model vgg; the models are ${ids.join(", ")}`);
});

test("the presets of all models take the same images", () => {
  const imagesOf = ({ phantomImages, val, size, crop, flip, split, folds }: TrainConfig) => {
    return { phantomImages, val, size, crop, flip, split, folds };
  };
  for (const name of presetNames) {
    for (const data of [PHANTOM, "folder"]) {
      const expected = imagesOf(presetFor(name, data));
      for (const { id } of models) expect(imagesOf(presetFor(name, data, id)), id).toEqual(expected);
    }
  }
});

/** Measured on the phantom: at another rate some of them learn nothing in these minutes. */
test.each([
  ["resnet34", { lr: 1e-3, batch: 8, epochs: { training: 8 } }, 22],
  ["vgg16_bn", { lr: 3e-4, batch: 8, epochs: { training: 10 } }, 28],
  ["resnext50_32x4d", { lr: 3e-3, batch: 8, epochs: { training: 10 } }, 28],
  ["inception_v3", { lr: 5e-3, batch: 32, epochs: { training: 16 } }, 44],
])("%s has a quick preset of its own, with more epochs on a folder, and the common paper preset", (id, quick, more) => {
  expect(presetFor("quick", PHANTOM, id)).toMatchObject(quick);
  expect(presetFor("quick", "folder", id)).toMatchObject({ ...quick, epochs: { training: more } });
  expect(presetFor("paper", PHANTOM, id)).toMatchObject({ lr: 1e-4, batch: 32, epochs: { training: 200 } });
});

test("flags are of one setting each: shared where models share the schema, else unique", () => {
  const owners = new Map<string, z.ZodType | string>();
  const claim = (flags: string, owner: z.ZodType | string) => {
    const name = nameOf(flags);
    expect([undefined, owner], flags).toContain(owners.get(name));
    owners.set(name, owner);
  };
  for (const schema of Object.values<z.ZodType>(commonSettings)) {
    const said = settingText(schema);
    if (said) claim(said.flags, schema);
  }
  for (const spec of models) {
    for (const schema of Object.values(spec.options)) claim(settingText(schema)!.flags, schema);
    for (const phase of spec.phases) claim(phase.epochs.flags, `epochs of ${phase.name}`);
  }
});

describe.each(models.map((spec) => [spec.id, spec] as const))("%s", (id, spec) => {
  test("has presets that its own schema takes, for the phantom and for a folder", () => {
    for (const name of presetNames) {
      for (const data of [PHANTOM, "folder"]) {
        const config = presetFor(name, data, id);
        expect(configSchema(spec).parse(config)).toEqual(config);
        expect(config).toMatchObject({ model: id, preset: name });
        expect(Object.keys(config.epochs)).toEqual(spec.phases.map((phase) => phase.name));
      }
    }
  });

  test("has phases with names of their own, whose shares are the whole training, and the last classifies", () => {
    const names = spec.phases.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(spec.phases.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 12);
    for (const { title, share, epochs } of spec.phases) {
      expect([title.length > 0, share > 0, epochs.help.length > 0]).toEqual([true, true, true]);
    }
    expect(spec.phases.at(-1)!.inputs).toContain("label");
  });

  test("is built of the options that it says shape it, and of no other", () => {
    const read = new Set<string>();
    const preset = presetFor("quick", PHANTOM, id);
    const watched = new Proxy(preset, {
      get(target, name, receiver) {
        read.add(String(name));
        return Reflect.get(target, name, receiver) as unknown;
      },
    });
    spec.build(watched, 2, 0);
    expect([...read].sort()).toEqual([...spec.shapedBy].sort());
  });

  test("has options with a flag called as the setting and a help text, none of which is a common one's", () => {
    for (const [name, schema] of Object.entries(spec.options)) {
      const said = settingText(schema);
      expect(said?.help, name).toMatch(/\w+ \w+/);
      expect(nameOf(said!.flags)).toBe(name);
      expect(Object.keys(commonSettings)).not.toContain(name);
    }
  });

  test("leaves no batch norm of its own in a plan for inference: all are folded into the convolutions before them", () => {
    const config = { ...presetFor("quick", PHANTOM, id), width: 1 / 16, size: [96, 96] as [number, number] };
    const graph = new Graph();
    const outputs = new Model(spec, config, { classes: 2, seed: 0 }).phases
      .at(-1)!
      .infer(graph.input("image", [1, 96, 96, 3]));
    const nodes = previewOf(graph, { outputs: { logits: outputs.logits! }, frozen: true });
    expect(nodes.filter(({ kernel }) => kernel.name === "batchNorm")).toEqual([]);
  });

  test("builds a network whose phases train its parameters and whose landmarks it has", () => {
    const config = { ...presetFor("quick", PHANTOM, id), width: 1 / 16, size: [96, 96] as [number, number] };
    const model = new Model(spec, config, { classes: 3, seed: 0 });
    const parameters = new Set(model.net.parameters());
    const trained = new Set(model.phases.flatMap(({ slabs }) => slabs.flatMap(({ variables }) => [...variables])));
    expect(trained).toEqual(parameters);
    const shapes = Object.fromEntries([...model.net.named()].map(([name, p]) => [name, torchShape(p.shape, p.layout)]));
    expect(shapes).toMatchObject(spec.landmarks(config));
    expect(() => model.phase("none")).toThrow(`${id} has no phase none; it has`);
    for (const phase of model.phases) {
      const { logits, mask } = phase.infer(new Graph().input("image", [2, 96, 96, 3]));
      expect(logits?.shape).toEqual(phase.classifies ? [2, 3] : undefined);
      if (mask) expect(mask.shape).toEqual([2, 96, 96, 1]);
    }
  });

  test("can be explained by the methods that it says it has", () => {
    const config = { ...presetFor("quick", PHANTOM, id), width: 1 / 16, size: [96, 128] as [number, number] };
    const model = new Model(spec, config, { classes: 3, seed: 0 });
    const { points, takesMask } = spec.explain;
    const methods = methodsOf(spec.explain);
    expect(methods.length).toBeGreaterThan(0);
    const graph = new Graph();
    const image = graph.input("image", [2, 96, 128, 3]);
    if (methods.includes("gradcam")) {
      const { logits, pooled, features } = model.explain(
        image,
        takesMask ? graph.input("mask", [2, 96, 128, 1]) : undefined,
      );
      expect([logits.shape, features.length]).toEqual([[2, 3], points.length]);
      if (methods.includes("cam")) expect(pooled!.shape).toEqual([2, features.at(-1)!.after.shape[3]]);
    }
    if (!methods.includes("rollout")) {
      expect(() => model.attend(image)).toThrow(`${id} has no attention to show`);
      return;
    }
    const { logits, attention, grid } = model.attend(image);
    const tokens = 1 + grid[0] * grid[1];
    expect(logits.shape).toEqual([2, 3]);
    expect(attention.length).toBeGreaterThan(0);
    for (const weights of attention) {
      expect([weights.shape[0]! % 2, ...weights.shape.slice(1)]).toEqual([0, tokens, tokens]);
    }
  });
});
