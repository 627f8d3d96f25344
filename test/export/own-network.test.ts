/** A network of one's own of many ops, exported in every variant, computes what this program does; so do batch normalisations that are folded or left alone. */
import { describe, expect, test } from "vitest";
import "../../src/autograd/methods.ts";
import { batchNorm2d } from "../../src/autograd/batchnorm.ts";
import { conv2d } from "../../src/autograd/conv2d.ts";
import { cat } from "../../src/autograd/spatial.ts";
import { toOnnx, type OnnxOptions } from "../../src/export/onnx/to-onnx.ts";
import { compile } from "../../src/graph/compile.ts";
import { Graph } from "../../src/graph/graph.ts";
import { Variable, type Tensor } from "../../src/graph/tensor.ts";
import { initialValues } from "../../src/nn/init.ts";
import { permute } from "../../src/nn/layout.ts";
import { BatchNorm2d, Conv2d, Flatten, LayerNorm, Linear, Module, ModuleList, Upsample } from "../../src/entries/nn.ts";
import { stirredState } from "./networks.ts";
import { useGpu } from "../support/gpu.ts";
import { onnxSession } from "../support/onnx.ts";
import { relativeError } from "../support/reference.ts";

const gpu = useGpu();

/** Leaky ReLU, squeeze and excitation, attention between pixels, and two heads: of scores and of a map. */
class Mixed extends Module {
  readonly stem = new Conv2d(2, 8, 3, { padding: 1, bias: false });
  readonly bn = new BatchNorm2d(8);
  readonly squeeze = new Linear(8, 3);
  readonly excite = new Linear(3, 8);
  readonly norm = new LayerNorm(8);
  readonly qkv = new ModuleList([new Linear(8, 8), new Linear(8, 8, { bias: false }), new Linear(8, 8)]);
  readonly flatten = new Flatten();
  readonly fc = new Linear(8 * 7 * 5, 6);
  readonly up = new Upsample({ scaleFactor: 2 });
  readonly map = new Conv2d(10, 1, 1, { bias: true });

  forward(x: Tensor) {
    const y = this.bn.forward(this.stem.forward(x));
    const leaky = y.relu().sub(y.neg().relu().mul(0.1));
    // [N, 1, 1, 8], which the pixels share.
    const gate = this.excite.forward(this.squeeze.forward(leaky.mean([1, 2], true)).tanh()).sigmoid();
    const gated = leaky.mul(gate).clamp(-2, 2);
    const [n, h, w, c] = gated.shape as [number, number, number, number];
    const tokens = this.norm.forward(gated.flatten(1, 2));
    const heads = [...this.qkv].map((layer) =>
      layer
        .forward(tokens)
        .reshape(n, h * w, 2, c / 2)
        .permute(0, 2, 1, 3),
    );
    const [q, k, v] = heads as [Tensor, Tensor, Tensor];
    const attention = q
      .matmul(k.transpose(-1, -2))
      .div(Math.sqrt(c / 2))
      .softmax(-1);
    const mixed = attention.matmul(v).permute(0, 2, 1, 3).reshape(n, h, w, c).add(gated);
    const features = this.fc.forward(this.flatten.forward(mixed));
    // Of length 1, and the logarithm of what a softmax would give.
    const unit = features.div(features.pow(2).sum(-1, true).add(1e-3).sqrt());
    const scores = unit.mul(5).sub(unit.mul(5).amax(-1, true));
    const outline = this.map
      .forward(cat([this.up.forward(mixed), this.up.forward(x)]))
      .abs()
      .unsqueeze(1);
    return {
      scores: scores.sub(scores.exp().sum(1, true).log()),
      outline: outline.squeeze(1),
      loudest: mixed.amax(-1),
    };
  }
}

const SIZE = [7, 5, 2] as const;
const inputOf = (n: number) => Float32Array.from({ length: n * 70 }, (_, i) => Math.sin(1.7 * i + 0.3));
const inOrder = (shape: readonly number[]) => (shape.length === 4 ? [0, 3, 1, 2] : [...shape.keys()]);

type Net = Module & { forward(x: Tensor): Record<string, Tensor> };

/** Compares an export with what this program computes, for one sample and three. */
async function check(net: Net, options: Omit<OnnxOptions, "input" | "size">, bar: number): Promise<void> {
  net.finish(initialValues(1));
  const state = stirredState(net);
  net.loadStateDict(gpu(), state);
  const session = await onnxSession(toOnnx((x) => net.forward(x), state, { input: SIZE, ...options }));
  for (const n of [1, 3]) {
    const graph = new Graph();
    const x = graph.input("x", [n, ...SIZE]);
    const outputs = graph.scope("", () => net.forward(x));
    const plan = await compile(gpu(), graph, { outputs });
    const expected = await plan.run({ x: inputOf(n) });
    plan.destroy();
    const given = { shape: [n, 2, 7, 5], data: permute(inputOf(n), [n, ...SIZE], [0, 3, 1, 2]) };
    const found = await session.runAll({ input: given });
    expect(Object.keys(found)).toEqual(Object.keys(outputs));
    for (const [name, { shape }] of Object.entries(outputs)) {
      const order = inOrder(shape);
      expect(found[name]!.shape).toEqual(order.map((axis) => shape[axis]!));
      expect(relativeError(found[name]!.data, permute(expected[name]!, shape, order)), `${name} of ${n}`).toBeLessThan(
        bar,
      );
    }
  }
  await session.release();
  net.release(gpu());
}

describe("a network of many ops", () => {
  test("in f32", () => check(new Mixed(), {}, 1e-5));
  test("folded", () => check(new Mixed(), { fold: true }, 1e-5));
  test("in f16", () => check(new Mixed(), { precision: "f16" }, 1e-2));
});

/** Convolutions and linear layers before a batch normalisation. */
const before: Readonly<Record<string, (x: Tensor, conv: Conv2d, fc: Linear) => Tensor>> = {
  "a layer": (x, conv) => conv.forward(x),
  "a layer whose weight is scaled": (x, conv) => conv2d(x, conv.weight.mul(x.mean().mul(0).add(0.5))),
  "a weight in another shape": (x, conv) => conv2d(x, conv.weight.reshape(1, 9, 2, 4), undefined, { padding: [0, 4] }),
  "a map made of a vector": (x, _, fc) => fc.forward(x.flatten(1)).reshape(-1, 3, 2, 4),
  "a layer whose result is given out, too": (x, conv) => conv.forward(x),
};

describe.each([{ fold: false }, { fold: true }])("batch normalisation, fold $fold, behind", ({ fold }) => {
  test.each(Object.entries(before))("%s", async (name, f) => {
    class Normed extends Module {
      readonly conv = new Conv2d(2, 4, 3, { bias: true });
      readonly fc = new Linear(70, 24);
      readonly bn = new BatchNorm2d(4);
      forward(x: Tensor) {
        const maps = f(x, this.conv, this.fc);
        return { y: this.bn.forward(maps, { relu: true }), ...(name.includes("given out") ? { maps } : {}) };
      }
    }
    await check(new Normed(), { fold }, 1e-5);
  });

  test("a convolution whose weight is computed of parameters alone, first of all", () => {
    class Standardised extends Module {
      readonly conv = new Conv2d(2, 4, 3, { bias: false });
      readonly bn = new BatchNorm2d(4);
      forward(x: Tensor) {
        const weight = this.conv.weight.tanh().mul(0.5);
        return { y: this.bn.forward(conv2d(x, weight)) };
      }
    }
    return check(new Standardised(), { fold }, 1e-5);
  });

  test("variables that are no layer's", async () => {
    const wave = (n: number, seed: number) => Float32Array.from({ length: n }, (_, i) => Math.sin(seed + 1.3 * i));
    class Plain extends Module {
      forward(x: Tensor) {
        const norm = { weight: all.gamma, bias: all.beta, runningMean: all.mean, runningVar: all.variance };
        return batchNorm2d(conv2d(x, all.weight), norm);
      }
    }
    const shapes = { weight: [3, 3, 2, 4], gamma: [4], beta: [4], mean: [4], variance: [4] };
    const all = Object.fromEntries(
      Object.entries(shapes).map(([name, shape], i) => {
        const values = wave(shape.reduce((a, b) => a * b), i).map((v) => (name === "variance" ? Math.abs(v) + 0.2 : v)); // prettier-ignore
        return [name, new Variable(name, shape, values)];
      }),
    ) as Record<keyof typeof shapes, Variable>;
    const state = new Map(Object.values(all).map((v) => [v.name, { shape: v.shape, data: v.initial! }]));
    const net = new Plain();
    const graph = new Graph();
    const plan = await compile(gpu(), graph, { outputs: { y: net.forward(graph.input("x", [3, ...SIZE])) } });
    const { y } = await plan.run({ x: inputOf(3) });
    const session = await onnxSession(toOnnx((x) => net.forward(x), state, { input: SIZE, fold }));
    const data = permute(inputOf(3), [3, ...SIZE], [0, 3, 1, 2]);
    const { output } = await session.runAll({ input: { shape: [3, 2, 7, 5], data } });
    expect(relativeError(output!.data, permute(y, [3, 5, 3, 4], [0, 3, 1, 2]))).toBeLessThan(1e-5);
    await session.release();
  });
});
