/** What is timed of the other networks: their quick presets, alike for everybody. */
import { describe, expect, test } from "vitest";
import { poolingWeights } from "../../bench/peers/adaptive-pooling.ts";
import { foldAll } from "../../bench/peers/fold.ts";
import { modelOf, specOf, timedPhase } from "../../bench/shared-networks.ts";
import { otherSizes, quickSize, reduced, stepSetup } from "../../bench/setup.ts";
import { adaptiveAvgPool2d } from "../../src/autograd/pooling.ts";
import { Graph } from "../../src/graph/graph.ts";
import { compile } from "../../src/graph/compile.ts";
import { PHANTOM, presetFor } from "../../src/train/config.ts";
import { useGpu } from "../support/gpu.ts";
import { relativeError } from "../support/reference.ts";

const gpu = useGpu();

describe.each(otherSizes.map((size) => [size.name, size] as const))("%s", (_, size) => {
  const setup = stepSetup(size, true);

  test("is at the scale of the quick preset, in batches of 8 images of 96 x 96", () => {
    const preset = presetFor("quick", PHANTOM, specOf(size.network).id);
    expect(preset).toMatchObject(size.options);
    expect([setup.size, setup.batch.label.length]).toEqual([[96, 96], 8]);
  });

  test("has values for all parameters, none of which a gradient stops at", () => {
    const model = modelOf(setup);
    const named = [...model.net.named()];
    expect([...setup.parameters.keys()]).toEqual(named.map(([name]) => name));
    for (const [name, { data, shape, trainable }] of setup.parameters) {
      expect(
        shape.reduce((a, b) => a * b, 1),
        name,
      ).toBe(data.length);
      if (trainable)
        expect(
          data.some((value) => value !== 0),
          name,
        ).toBe(true);
    }
  });

  test("is trained without dropout", () => {
    const phase = timedPhase(modelOf(setup));
    expect(phase.inputs).toEqual(["label"]);
    const graph = new Graph({ training: true });
    phase.record({ image: graph.input("image", [2, 96, 96, 3]), label: graph.input("label", [2], "u32") });
    expect(graph.nodes.filter(({ kernel }) => kernel.name.startsWith("drop"))).toEqual([]);
  });

  test("is compared on smaller images, too", () => {
    const small = reduced(setup);
    expect(small).toMatchObject({ network: size.network, options: size.options, size: [64, 64] });
    const shapes = [...modelOf(small).net.named()].map(([name, { shape }]) => [name, shape]);
    expect([...small.parameters].map(([name, { shape }]) => [name, shape])).toEqual(shapes);
  });

  test("is folded for inference: no batch norm is left, and no convolution without a bias", () => {
    const { convolutions, others } = foldAll(setup.parameters);
    expect([...others.keys()].filter((name) => name.includes("running"))).toEqual([]);
    const count = [...setup.parameters.values()].filter(({ layout }) => layout === "conv").length;
    expect(convolutions.size).toBe(count);
    for (const { shape, bias } of convolutions.values()) expect(bias.length).toBe(shape[3]);
  });
});

test("ResNeXt without groups has the same channels, and more to compute", () => {
  const [grouped, ungrouped] = (["resnext50_32x4d", "resnext50-ungrouped"] as const).map((network) => {
    const { parameters } = stepSetup(
      otherSizes.find((size) => size.network === network)!,
      true,
    );
    return parameters;
  });
  for (const [name, { shape }] of grouped!) {
    const other = ungrouped!.get(name)!.shape;
    expect(other.at(-1), name).toBe(shape.at(-1));
    if (/\.conv2\.weight$/.test(name)) expect(other[2]).toBe(10 * shape[2]!);
    else expect(other).toEqual(shape);
  }
});

test("MGA-Net begins as a training does", () => {
  const { parameters } = stepSetup(quickSize, true);
  expect(parameters.get("classifier.bn1.bias")!.data.every((value) => value === 0)).toBe(true);
});

test.each([
  [
    [3, 3],
    [7, 7],
  ],
  [
    [2, 5],
    [7, 7],
  ],
  [
    [9, 7],
    [4, 3],
  ],
] as [[number, number], [number, number]][])(
  "the pooling of %j to %j that peers use is PyTorch's",
  async (from, to) => {
    const graph = new Graph();
    const y = adaptiveAvgPool2d(graph.input("x", [1, ...from, 1]), to);
    const plan = await compile(gpu(), graph, { outputs: { y } });
    const x = Float32Array.from({ length: from[0] * from[1] }, (_, i) => Math.sin(3 * i));
    const { y: expected } = await plan.run({ x });
    plan.destroy();
    const weights = poolingWeights(from, to);
    const found = expected.map((_, o) =>
      x.reduce((sum, value, i) => sum + value * weights[i * expected.length + o]!, 0),
    );
    expect(relativeError(found, expected)).toBeLessThan(1e-6);
  },
);
