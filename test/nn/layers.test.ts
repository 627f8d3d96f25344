/** Options of layers: rectangular kernels, eps and momentum, no bias; weights of a flattened map. */
import { describe, expect, test } from "vitest";
import { conv2d } from "../../src/autograd/conv2d.ts";
import { compile } from "../../src/graph/compile.ts";
import { Graph } from "../../src/graph/graph.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { initialValues } from "../../src/nn/init.ts";
import { BatchNorm2d, Conv2d, Linear } from "../../src/nn/layers.ts";
import { fromTorch, permute, toTorch, torchShape } from "../../src/nn/layout.ts";
import { Module, Parameter } from "../../src/nn/module.ts";
import { useGpu } from "../support/gpu.ts";
import { relativeError } from "../support/reference.ts";

const gpu = useGpu();
const waves = (length: number, speed = 1) => Float32Array.from({ length }, (_, i) => Math.sin(speed * i + 0.5));

/** The values of what `record` makes of an input x. */
async function outputOf(shape: number[], record: (x: Tensor) => Tensor, { training = false, x = waves } = {}) {
  const graph = new Graph({ training });
  const input = graph.input("x", shape);
  const plan = await compile(gpu(), graph, { outputs: { y: record(input) } });
  const { y } = await plan.run({ x: x(input.size) });
  plan.destroy();
  return y;
}

test("a convolution of two sides", async () => {
  const conv = new Conv2d(2, 3, [1, 3], { padding: [0, 1], bias: true });
  conv.finish(initialValues(0));
  expect(conv.weight.shape).toEqual([1, 3, 2, 3]);
  expect(Math.max(...conv.bias!.initial!.map(Math.abs))).toBeLessThanOrEqual(1 / Math.sqrt(6));
  const options = { padding: [0, 1] as const };
  expect(await outputOf([1, 4, 5, 2], (x) => conv.forward(x))).toEqual(
    await outputOf([1, 4, 5, 2], (x) => conv2d(x, conv.weight, conv.bias, options)),
  );
  conv.release(gpu());
});

test("a batch normalisation of its own eps and momentum", async () => {
  const norm = new BatchNorm2d(1, { eps: 3, momentum: 0.5 });
  norm.finish(initialValues(0));
  const x = () => Float32Array.of(-1, 1, -1, 1);
  const trained = await outputOf([1, 2, 2, 1], (t) => norm.forward(t), { training: true, x });
  for (const [i, value] of [-0.5, 0.5, -0.5, 0.5].entries()) expect(trained[i]).toBeCloseTo(value, 6);
  // Half way from 0 and 1 to 0 and the unbiased variance 4 / 3.
  const state = await norm.stateDict(gpu());
  expect(state.get("running_mean")!.data[0]).toBeCloseTo(0, 6);
  expect(state.get("running_var")!.data[0]).toBeCloseTo(7 / 6, 6);
  const inferred = await outputOf([1, 2, 2, 1], (t) => norm.forward(t), { x });
  expect(inferred[1]).toBeCloseTo(1 / Math.sqrt(7 / 6 + 3), 6);
  norm.release(gpu());
});

test("a linear layer without bias", async () => {
  const fc = new Linear(4, 3, { bias: false });
  fc.finish(initialValues(0));
  expect([...fc.named()].map(([name]) => name)).toEqual(["weight"]);
  expect(fc.bias).toBeUndefined();
  const y = await outputOf([2, 5, 4], (x) => fc.forward(x));
  const [x, w] = [waves(40), fc.weight.initial!];
  const expected = Float32Array.from({ length: 30 }, (_, at) => {
    const [row, o] = [Math.floor(at / 3), at % 3];
    return [0, 1, 2, 3].reduce((sum, i) => sum + x[4 * row + i]! * w[3 * i + o]!, 0);
  });
  expect(relativeError(y, expected)).toBeLessThan(1e-6);
  fc.release(gpu());
});

describe("the weight of a linear layer on a flattened map", () => {
  const [h, w, c, o] = [2, 3, 4, 5] as const;
  const shape = [h, w, c, o];

  test("is [out, C H W] in PyTorch, channels first", () => {
    expect(torchShape(shape, "flattened")).toEqual([o, c * h * w]);
    const ours = waves(h * w * c * o);
    const torch = toTorch(ours, shape, "flattened");
    const at = (ky: number, kx: number, i: number, out: number) => ours[((ky * w + kx) * c + i) * o + out];
    for (const [ky, kx, i, out] of [
      [0, 0, 0, 0],
      [1, 2, 3, 4],
      [0, 2, 1, 3],
    ] as const)
      expect(torch[out * c * h * w + (i * h + ky) * w + kx]).toBe(at(ky, kx, i, out));
    expect(fromTorch(torch, shape, "flattened")).toEqual(ours);
  });

  test("is the convolution that covers the map, and begins within 1 / sqrt(C H W)", async () => {
    class Head extends Module {
      readonly weight = new Parameter(shape, "flattened");
    }
    const head = new Head();
    head.finish(initialValues(1));
    const most = Math.max(...head.weight.initial!.map(Math.abs));
    expect(most).toBeLessThanOrEqual(1 / Math.sqrt(c * h * w));
    expect(most).toBeGreaterThan(0.9 / Math.sqrt(c * h * w));
    const saved = (await head.stateDict(gpu())).get("weight")!;
    expect(saved.shape).toEqual([o, c * h * w]);
    const y = await outputOf([1, h, w, c], (x) => conv2d(x, head.weight));
    const x = permute(waves(h * w * c), [1, h, w, c], [0, 3, 1, 2]);
    const expected = Float32Array.from({ length: o }, (_, out) =>
      x.reduce((sum, v, i) => sum + v * saved.data[out * x.length + i]!, 0),
    );
    expect(relativeError(y, expected)).toBeLessThan(1e-6);
    head.release(gpu());
  });
});
