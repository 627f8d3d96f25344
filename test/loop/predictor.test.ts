/** Predictions of a network of one's own, for any number of samples. */
import { expect, expectTypeOf, test } from "vitest";
import { globalAvgPool } from "../../src/autograd/spatial.ts";
import { stream } from "../../src/data/random.ts";
import { compile } from "../../src/graph/compile.ts";
import { Graph } from "../../src/graph/graph.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { predictor } from "../../src/loop/predictor.ts";
import { initialValues } from "../../src/nn/init.ts";
import { Conv2d } from "../../src/nn/layers.ts";
import { ResNet34 } from "../../src/models/resnet34/network.ts";
import { Module } from "../../src/nn/module.ts";
import { useGpu } from "../support/gpu.ts";

const gpu = useGpu();

class Net extends Module {
  readonly conv = new Conv2d(1, 3, 3, { padding: 1, bias: true });

  constructor() {
    super();
    this.finish(initialValues(1));
  }

  forward(x: Tensor): Tensor {
    return this.conv.forward(x);
  }
}

const random = stream(1, 0);
const images = Float32Array.from({ length: 11 * 35 }, () => random.next() / 2 ** 32);

test("eleven samples, at most four at once, are those of one plan for all", async () => {
  const net = new Net();
  const graph = new Graph();
  const y = net.forward(graph.input("x", [11, 7, 5, 1]));
  using plan = await compile(gpu(), graph, { outputs: { y } });
  const expected = (await plan.run({ x: images })).y;
  using each = predictor(gpu(), net, { input: [7, 5, 1], batch: 4 });
  const found = await each.predict(images);
  expectTypeOf(found).toEqualTypeOf<Float32Array>();
  expect(found).toEqual(expected);
  expect(await each.predict(images.subarray(0, 35))).toEqual(expected.subarray(0, 105));
  // Weights that change meanwhile count.
  const state = await net.stateDict(gpu());
  state.get("conv.bias")!.data.fill(100);
  net.loadStateDict(gpu(), state);
  expect(Math.min(...(await each.predict(images)))).toBeGreaterThan(90);
  net.release(gpu());
});

test("many sizes at once, more than plans are kept for, are those of one after another", async () => {
  const net = new Net();
  using each = predictor(gpu(), net, { input: [7, 5, 1], batch: 8 });
  const sizes = [1, 2, 3, 4, 5, 6, 7, 9, 10, 11];
  const found = await Promise.all(sizes.map((n) => each.predict(images.subarray(0, 35 * n))));
  for (const [i, n] of sizes.entries()) {
    expect(found[i]).toEqual(await each.predict(images.subarray(0, 35 * n)));
  }
  net.release(gpu());
});

test("outputs by name", async () => {
  const net = new Net();
  const forward = (x: Tensor) => ({ maps: net.forward(x), means: globalAvgPool(net.forward(x)) });
  using each = predictor(gpu(), forward, { input: [7, 5, 1], batch: 3 });
  const { maps, means } = await each.predict(images);
  expect([maps.length, means.length]).toEqual([3 * images.length, 33]);
  net.release(gpu());
});

test("lists of features beside the outputs are left out, as of the project's networks", async () => {
  const net = new ResNet34({ width: 1 / 32 });
  using each = predictor(gpu(), net, { input: [32, 32, 3], batch: 2 });
  const found = await each.predict(new Float32Array(3 * 32 * 32 * 3));
  expectTypeOf(found.logits).toEqualTypeOf<Float32Array>();
  expect(Object.keys(found)).toEqual(["logits", "pooled"]);
  expect(found.logits).toHaveLength(6);
  net.release(gpu());
});

test("what cannot be meant is refused", async () => {
  const net = new Net();
  using each = predictor(gpu(), net, { input: [7, 5, 1] });
  await expect(each.predict(new Float32Array(36))).rejects.toThrow(
    "predict: input holds 36 values, not a multiple of the 35 of one sample [7, 5, 1]",
  );
  expect(() => predictor(gpu(), {} as Net, { input: [7, 5, 1] })).toThrow(/expected a module with forward\(x\)/);
  expect(() => predictor(gpu(), net, { input: [7, 5, 1], batch: 0 })).toThrow("predictor: batch");
  each.destroy();
  await expect(each.predict(images)).rejects.toThrow("the predictor was destroyed");
});
