/** Kernels split into parts along the batch give the same results as in one piece, and as PyTorch. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { randomBatch } from "../../bench/setup.ts";
import { linear } from "../../src/autograd/conv2d.ts";
import { mul, sum } from "../../src/autograd/elementwise.ts";
import { gradients } from "../../src/autograd/gradients.ts";
import { parseSafetensors } from "../../src/data/safetensors.ts";
import { stream } from "../../src/data/random.ts";
import type { Gpu } from "../../src/gpu/gpu.ts";
import { compile } from "../../src/graph/compile.ts";
import { Graph } from "../../src/graph/graph.ts";
import type { HostArray } from "../../src/graph/plan.ts";
import { readVariable, releaseVariables, writeVariable } from "../../src/graph/storage.ts";
import { Variable, type Tensor } from "../../src/graph/tensor.ts";
import { f32, type Kernel } from "../../src/kernels/kernel.ts";
import { conv2dForward, conv2dInputGrad, conv2dShape, conv2dWeightGrad } from "../../src/kernels/conv2d.ts";
import { diceKernel } from "../../src/kernels/losses.ts";
import { BindingError, cutOf, piecesOf } from "../../src/kernels/parts.ts";
import { pointwiseKernel } from "../../src/kernels/pointwise.ts";
import { Model, type Phase } from "../../src/models/model.ts";
import { compareCase, runCase } from "../../src/models/parity.ts";
import { vgg16bn } from "../../src/models/vgg/spec.ts";
import { Adam } from "../../src/optim/adam.ts";
import { PHANTOM, presetFor } from "../../src/train/config.ts";
import { TrainingStep } from "../../src/train/step.ts";
import { useGpu } from "../support/gpu.ts";
import { ops } from "../support/ops.ts";
import { relativeError } from "../support/reference.ts";
import { slow } from "../support/selection.ts";

const KiB = 1024;
const gpu = useGpu();
// The weights of the widest case below just fit.
const LIMIT = 6 * KiB;
const limited = useGpu({ maxBindingBytes: LIMIT });

interface OpCase {
  shapes: Record<string, number[]>;
  params?: Record<string, unknown>;
  /** Values that no binding could begin at: their parts are copied. */
  copied?: boolean;
}

/** NHWC and HWIO. An image of each activation is a multiple of 256 bytes unless the case says otherwise. */
const cases: Record<string, OpCase[]> = {
  conv2d: [
    { shapes: { x: [5, 8, 8, 8], weight: [3, 3, 8, 16], bias: [16] }, params: { padding: 1 } },
    { shapes: { x: [5, 8, 8, 8], weight: [3, 3, 8, 16] }, params: { padding: 1, stride: 2 } },
    { shapes: { x: [4, 16, 16, 3], weight: [7, 7, 3, 4] }, params: { padding: 3, stride: 2 } },
    { shapes: { x: [4, 16, 16, 4], weight: [3, 3, 4, 1], bias: [1] }, params: { padding: 1 } },
    { shapes: { x: [4, 8, 8, 16], weight: [3, 3, 4, 16] }, params: { padding: 1, groups: 4 } },
  ],
  conv2d_cat: [
    {
      shapes: { x0: [5, 4, 4, 4], x1: [5, 8, 8, 8], weight: [3, 3, 12, 8] },
      params: { enlarge: [true, false], padding: [1, 1] },
    },
  ],
  batch_norm: [
    { shapes: { x: [7, 8, 8, 8] }, params: { training: true, relu: true } },
    { shapes: { x: [7, 8, 8, 8], residual: [7, 8, 8, 8] }, params: { training: true, relu: true } },
    { shapes: { x: [9, 12, 16, 1] }, params: { training: true } },
    { shapes: { x: [7, 8, 8, 8], residual: [7, 8, 8, 8] }, params: { training: false, relu: true } },
  ],
  relu: [{ shapes: { x: [5, 8, 8, 8] } }, { shapes: { x: [100, 16] } }],
  sigmoid: [{ shapes: { x: [5, 8, 8, 8] } }],
  add: [{ shapes: { a: [5, 8, 8, 8], b: [5, 8, 8, 8] } }],
  mul: [{ shapes: { a: [5, 8, 8, 8], b: [5, 8, 8, 8] } }],
  scale: [{ shapes: { x: [5, 8, 8, 8] }, params: { factor: 3 } }],
  max_pool2d: [{ shapes: { x: [5, 16, 16, 4] }, params: { kernel_size: 3, stride: 2, padding: 1 } }],
  interpolate: [
    { shapes: { x: [5, 8, 8, 4] }, params: { size: [16, 16] } },
    { shapes: { x: [5, 16, 16, 4] }, params: { size: [8, 8] } },
  ],
  avg_pool2d: [{ shapes: { x: [5, 16, 16, 4] }, params: { kernel_size: 3, stride: 1, padding: 1 } }],
  adaptive_avg_pool2d: [{ shapes: { x: [5, 8, 8, 8] }, params: { size: [4, 8] } }],
  global_max_pool: [{ shapes: { x: [5, 8, 8, 8] }, copied: true }],
  linear: [
    { shapes: { x: [5, 16, 32], weight: [32, 16], bias: [16] } },
    // Matrices larger than a binding, by their rows; the last x is one run of memory, and begins where a binding may.
    { shapes: { x: [3, 130], weight: [130, 32], bias: [32] }, copied: true },
    { shapes: { x: [2, 7, 60], weight: [60, 64] }, copied: true },
    { shapes: { x: [1, 129], weight: [129, 16], bias: [16] } },
  ],
  flattened_linear: [{ shapes: { x: [3, 3, 5, 7], weight: [3, 5, 7, 32], bias: [32] }, copied: true }],
  gelu: [{ shapes: { x: [5, 64, 8] } }],
  layer_norm: [{ shapes: { x: [5, 64, 8], weight: [8], bias: [8] }, params: { eps: 1e-5 } }],
  softmax: [{ shapes: { x: [5, 16, 64] }, params: { scale: 0.5 } }],
  matmul: [{ shapes: { a: [5, 16, 64], b: [5, 16, 64] }, params: { transpose_a: false, transpose_b: true } }],
  self_attention: [
    { shapes: { x: [5, 16, 48], bias: [1, 16, 16] }, params: { heads: 1, shifted: null }, copied: true },
  ],
  space_to_depth: [{ shapes: { x: [5, 8, 8, 8] } }],
  window_partition: [{ shapes: { x: [5, 8, 8, 8] }, params: { window: 4, shift: [1, 2] } }],
  window_reverse: [{ shapes: { x: [20, 16, 8] }, params: { size: [8, 8], window: 4, shift: [1, 2] } }],
  prepend_token: [{ shapes: { x: [9, 15, 16], token: [16], positions: [16, 16] } }],
  first_token: [{ shapes: { x: [5, 32, 16] }, copied: true }],
  heads_apart: [{ shapes: { x: [5, 16, 32] }, params: { heads: 2 } }],
  heads_together: [{ shapes: { x: [10, 16, 16] }, params: { heads: 2 } }],
  head_mean: [{ shapes: { x: [10, 16, 16] }, params: { heads: 2 } }],
  cat: [{ shapes: { a: [5, 8, 8, 8], b: [5, 8, 8, 4] } }],
  global_avg_pool: [{ shapes: { x: [5, 8, 8, 8] }, copied: true }],
  minmax_normalize: [{ shapes: { x: [11, 16, 16, 1] }, params: { eps: 1e-6 }, copied: true }],
  mga: [
    ...["parallel", "serial", "channel"].map((fusion) => {
      const layers = { weight1: [16, 4], bias1: [4], weight2: [4, 16], bias2: [16] };
      const shapes = { f: [5, 8, 8, 16], m: [5, 8, 8, 1], ...layers };
      return { shapes, params: { fusion }, copied: true };
    }),
    { shapes: { f: [5, 8, 8, 16], m: [5, 8, 8, 1] }, params: { fusion: "spatial" } },
  ],
  class_activation: [
    { shapes: { f: [5, 8, 8, 16], a: [5, 16] }, params: { relu: true }, copied: true },
    { shapes: { f: [5, 8, 8, 16], a: [5, 16] }, params: { relu: false }, copied: true },
  ],
  channel_mean_max: [{ shapes: { x: [5, 8, 8, 8] } }],
  mul_samples: [{ shapes: { x: [5, 8, 8, 8], s: [5] }, copied: true }, { shapes: { x: [100, 16], s: [100] } }],
  mul_channels: [{ shapes: { x: [5, 8, 8, 8], s: [5, 8] }, copied: true }],
  mul_map: [{ shapes: { x: [5, 8, 8, 8], m: [5, 8, 8, 1] } }],
  dice_loss: [{ shapes: { prob: [11, 16, 16, 1], target: [11, 16, 16, 1] }, params: { smooth: 1 }, copied: true }],
  bce_with_logits: [{ shapes: { x: [5, 16, 16, 4], target: [5, 16, 16, 4] } }],
  sum: [{ shapes: { x: [5, 8, 8, 8] } }],
  mean: [{ shapes: { x: [5, 8, 8, 8] } }],
};

/** y, the gradients of all operands and the running statistics, and the number of dispatches. */
async function run(on: ReturnType<typeof gpu>, name: string, { shapes, params = {} }: OpCase) {
  const op = ops[name]!;
  const graph = new Graph({ training: (params as { training?: boolean }).training ?? true });
  const random = stream(1);
  const values = (length: number) => Float32Array.from({ length }, () => (random.next() >>> 0) / 2 ** 32 + 0.01);
  const leaves: Record<string, Tensor> = {};
  const given: Record<string, HostArray> = {};
  const operand = (key: string, shape: readonly number[]) => {
    leaves[key] = graph.input(key, shape);
    // Targets of losses are shares; the others are of either sign.
    given[key] = values(leaves[key].size).map((v) => (key === "target" ? v - 0.01 : 2 * v - 1));
  };
  for (const [key, shape] of Object.entries(shapes)) operand(key, shape);
  const state: Record<string, Variable> = {};
  if (name === "batch_norm") {
    const c = shapes["x"]!.at(-1)!;
    for (const key of ["weight", "bias"]) operand(key, [c]);
    for (const key of op.state!) state[key] = new Variable(key, [c], values(c));
  }
  const y = op.apply(leaves, params as Record<string, never>, state);
  const dy = values(y.size).map((v) => v + 0.5);
  const loss = sum(mul(y, graph.input("dy", y.shape)));
  const wanted = Object.keys(leaves).filter((key) => !op.constant?.includes(key));
  const grads = gradients(
    loss,
    wanted.map((key) => leaves[key]!),
  );
  const plan = await compile(on, graph, {
    // Of the same variants: others round differently, and some of these sums cancel.
    choice: (_, variants) => variants.at(-1),
    outputs: { y, ...Object.fromEntries(wanted.map((key, i) => [key, grads[i]!])) },
  });
  const results: Record<string, Float32Array> = await plan.run({ ...given, dy });
  for (const [key, variable] of Object.entries(state)) results[key] = await readVariable(on, variable);
  const labels = plan.steps.map((step) => step.label);
  plan.destroy();
  releaseVariables(on, Object.values(state));
  return { results, labels };
}

describe.each(Object.keys(cases))("%s in parts equals %s in one piece", (name) => {
  test.each(cases[name]!)("%j", async (testCase) => {
    const whole = await run(gpu(), name, testCase);
    const cut = await run(limited(), name, testCase);
    expect(cut.labels.length).toBeGreaterThan(whole.labels.length);
    expect(cut.labels.some((label) => label.endsWith("copy"))).toBe(testCase.copied ?? false);
    expect(Object.keys(cut.results)).toEqual(Object.keys(whole.results));
    for (const [key, values] of Object.entries(whole.results)) {
      expect(relativeError(cut.results[key]!, values), `relative L2 error of ${key}`).toBeLessThanOrEqual(1e-6);
    }
  });
});

describe("cutOf", () => {
  const limits = (maxBindingBytes: number) => ({ maxBindingBytes, offsetAlignment: 256 });
  const kernel = (shape: number[]): Kernel => pointwiseKernel("copy", shape, 1, "a");

  test("leaves alone what fits", () => {
    expect(cutOf(kernel([4, 64]), limits(1024))).toBeUndefined();
    expect(cutOf(kernel([4, 64]), limits(1008))).toBeDefined();
  });

  test("makes parts of about the same size that begin at aligned offsets and fit", () => {
    for (let units = 2; units < 60; units++) {
      for (const size of [1, 3, 16, 17, 48, 64, 100, 256]) {
        for (const limit of [1024, 5000, 16384]) {
          if (4 * units * size <= limit) continue;
          const step = 256 / [256, 128, 64, 32, 16, 8, 4].find((n) => (4 * size) % n === 0)!;
          if (step * size * 4 > limit) {
            expect(() => cutOf(kernel([units, size]), limits(limit))).toThrow(BindingError);
            continue;
          }
          const { counts } = cutOf(kernel([units, size]), limits(limit))!;
          expect(counts.reduce((a, b) => a + b)).toBe(units);
          expect(new Set(counts.slice(0, -1)).size).toBeLessThanOrEqual(1);
          for (const count of counts) {
            expect(4 * size * count).toBeLessThanOrEqual(limit);
            expect(count).toBeGreaterThan(0);
          }
          for (const count of counts.slice(0, -1)) expect((4 * size * count) % 256).toBe(0);
          // No more parts than it takes.
          expect(counts.length).toBe(Math.ceil(units / (Math.floor(Math.floor(limit / (4 * size)) / step) * step)));
        }
      }
    }
  });

  test("tells what grows with the batch from what does not", () => {
    const shape = conv2dShape([8, 8, 8, 8], [3, 3, 8, 8], { padding: 1 });
    expect(cutOf(conv2dWeightGrad(shape), limits(8192))).toMatchObject({
      counts: [4, 4],
      input: ["cut", "cut"],
      output: ["whole"],
      update: [],
    });
    // Each sample's loss is one number: 64 of them make an aligned offset.
    expect(cutOf(diceKernel([8, 32, 32, 1], [8, 32, 32, 1], 1), limits(8192))).toMatchObject({
      counts: [2, 2, 2, 2],
      input: ["cut", "cut"],
      output: ["copied", "copied"],
      update: [],
    });
  });

  test("cuts a matrix that exceeds a binding by its rows, wherever they lie in the other operands", () => {
    const shape = conv2dShape([3, 1, 1, 1024], [1, 1, 1024, 64]);
    const counts = [256, 256, 256, 256];
    const forward = conv2dForward(shape, { bias: true });
    expect(cutOf(forward, limits(65536))).toMatchObject({
      ...{ counts, input: ["copied", "cut", "whole"], output: ["whole"] },
    });
    expect(cutOf(conv2dInputGrad(shape, true), limits(65536))).toMatchObject({
      ...{ counts, input: ["whole", "cut", "copied"], output: ["copied"] },
    });
    expect(cutOf(conv2dWeightGrad(shape), limits(65536))).toMatchObject({
      ...{ counts, input: ["copied", "whole"], output: ["cut"] },
    });
    // Only the first part adds the bias.
    const pieces = piecesOf(forward, limits(65536));
    expect(pieces.map(({ inputs }) => inputs.map((spec) => spec.shape))).toEqual([
      [[3, 1, 1, 256], [1, 1, 256, 64], [64]],
      [
        [3, 1, 1, 256],
        [1, 1, 256, 64],
      ],
    ]);
    expect(piecesOf(forward, limits(2 ** 20))).toEqual([forward]);
    // Images come first, as long as the matrix fits.
    const many = conv2dForward(conv2dShape([64, 1, 1, 1024], [1, 1, 1024, 16]));
    expect(cutOf(many, limits(65536))).toMatchObject({ counts: [16, 16, 16, 16], input: ["cut", "whole"] });
    expect(piecesOf(many, limits(65536))).toEqual([many]);
  });

  test("refuses what no cut makes fit, with the bytes that would have to", () => {
    const refused = (k: Kernel, limit: number): unknown => {
      try {
        return cutOf(k, limits(limit));
      } catch (error) {
        return error instanceof BindingError ? error.bytes : error;
      }
    };
    // One image; 64 images of 12 bytes; a weight; a kernel that has no parts.
    expect(refused(kernel([4, 1024]), 2048)).toBe(4096);
    expect(refused(kernel([500, 3]), 512)).toBe(768);
    const shape = conv2dShape([8, 8, 8, 8], [3, 3, 8, 64], { padding: 1 });
    expect(refused(conv2dWeightGrad(shape), 16384)).toBe(4 * 9 * 8 * 64);
    // A matrix whose sum goes through ReLU; a few of its rows; an activation that would have to be copied.
    const matrix = conv2dShape([3, 1, 1, 64], [1, 1, 64, 256]);
    expect(refused(conv2dForward(matrix, { relu: true }), 16384)).toBe(4 * 64 * 256);
    expect(refused(conv2dForward(conv2dShape([1, 1, 1, 64], [1, 1, 64, 1001])), 16384)).toBe(4 * 64 * 1001);
    expect(refused(conv2dForward(conv2dShape([9, 1, 1, 1024], [1, 1, 1024, 64])), 32768)).toBe(4 * 9 * 1024);
    expect(refused({ ...kernel([4, 1024]), parts: undefined, inputs: [f32(4096)] } as unknown as Kernel, 2048)).toBe(
      16384,
    );
  });
});

describe("the whole network in parts agrees with PyTorch", () => {
  // The image of one sample takes 48 KiB, the largest weight 36 KiB; Adam's slabs are cut as well.
  const narrow = useGpu({ maxBindingBytes: 49152 });
  test("mganet-parallel", () => expectEqual("mganet-parallel"));
  test.each(["mganet-se", "mganet-every-block"])("%s", slow, expectEqual);

  async function expectEqual(name: string) {
    const file = `test/reference/data/${name}.safetensors`;
    const { tensors, metadata } = parseSafetensors(readFileSync(file), file);
    for (const { what, error, bar } of compareCase(await runCase(narrow(), metadata, tensors), metadata, tensors)) {
      expect(error, what).toBeLessThanOrEqual(bar);
    }
  }
});

describe("a network with a matrix larger than a binding", () => {
  // The classifier's first weight takes 98 KiB, an image's largest activation 32 KiB.
  const narrow = useGpu({ maxBindingBytes: 49152 });
  const config = { ...presetFor("quick", PHANTOM, "vgg16_bn"), width: 1 / 64, size: [32, 32] as const };

  async function train(on: Gpu) {
    const { net, phases } = new Model(vgg16bn, config, { classes: 2, seed: 1 });
    const [phase] = phases as [Phase];
    const adam = new Adam(phase.slabs, { lr: 1e-3 });
    const step = await TrainingStep.create(on, phase, adam, { batch: 4, size: config.size });
    const batch = randomBatch(4, config.size, 0);
    const losses: number[] = [];
    for (let i = 0; i < 4; i++) losses.push((await step.run(batch, 1e-3)).losses.loss);
    const labels = step.plan.steps.map(({ label }) => label);
    const weight = [...net.named()].find(([name]) => name === "classifier.0.weight")![1];
    const result = { losses, labels, initial: weight.initial!, weight: await readVariable(on, weight) };
    step.plan.destroy();
    net.release(on);
    releaseVariables(
      on,
      adam.state.map(([, variable]) => variable),
    );
    return result;
  }

  test("is trained as one in a piece is", async () => {
    const whole = await train(gpu());
    const cut = await train(narrow());
    const parts = (labels: string[], label: string) => labels.filter((l) => l === label).length;
    for (const label of [": conv2d", "': conv2d.inputGrad", "': conv2d.weightGrad"].map((l) => `classifier.0${l}`)) {
      expect(parts(whole.labels, label)).toBe(1);
      expect(parts(cut.labels, label)).toBe(3);
    }
    expect(cut.labels.filter((label) => label === "adam").length).toBeGreaterThan(2);
    expect(relativeError(cut.losses, whole.losses)).toBeLessThanOrEqual(1e-5);
    const update = ({ weight, initial }: typeof cut) => weight.map((value, i) => value - initial[i]!);
    expect(relativeError(update(cut), update(whole))).toBeLessThanOrEqual(1e-3);
  });
});

test("a matrix cut by its rows is stored in half precision as one in a piece is", async () => {
  const [x, weight] = [new Float32Array(2 * 192).map((_, i) => Math.sin(i)), new Variable("weight", [192, 16])];
  const results: Float32Array[] = [];
  for (const on of [gpu(), limited()]) {
    if (!on.caps.f16) continue;
    writeVariable(
      on,
      weight,
      new Float32Array(192 * 16).map((_, i) => Math.cos(i * i)),
    );
    const graph = new Graph();
    const y = linear(graph.input("x", [2, 192]), weight);
    const plan = await compile(on, graph, { outputs: { y }, frozen: true, half: true });
    expect(plan.steps.some(({ label }) => label === "conv2d.narrow")).toBe(on === limited());
    results.push((await plan.run({ x }))["y"]);
    plan.destroy();
    releaseVariables(on, [weight]);
  }
  for (const values of results) expect(relativeError(values, results[0]!)).toBeLessThanOrEqual(1e-6);
});

test("variables of a slab are updated in parts", async () => {
  const variable = new Variable("v", [5000]);
  writeVariable(limited(), variable, new Float32Array(5000).fill(1));
  const graph = new Graph();
  const plan = await compile(limited(), graph, { outputs: { y: sum(mul(variable, graph.input("x", [5000]))) } });
  expect((await plan.run({ x: new Float32Array(5000).fill(2) }))["y"][0]).toBe(10000);
  plan.destroy();
  releaseVariables(limited(), [variable]);
});
