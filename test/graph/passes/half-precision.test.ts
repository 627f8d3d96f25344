import { expect, test } from "vitest";
import { conv2d } from "../../../src/autograd/conv2d.ts";
import { compile } from "../../../src/graph/compile.ts";
import { Graph } from "../../../src/graph/graph.ts";
import type { Choice } from "../../../src/graph/choice.ts";
import { scale } from "../../../src/autograd/elementwise.ts";
import { Variable } from "../../../src/graph/tensor.ts";
import { MGANet, paperOptions } from "../../../src/models/mganet/network.ts";
import { randomStream } from "../../../src/nn/random.ts";
import { Predictor } from "../../../src/train/predictor.ts";
import { relativeError } from "../../support/reference.ts";
import { everything, slow } from "../../support/selection.ts";
import { useGpu } from "../../support/gpu.ts";
import { withEveryVariant } from "../../support/variants.ts";

const gpu = useGpu();
const without = useGpu({ without: ["shader-f16"] });

const normal = (n: number, name: string) => {
  const random = randomStream(1, name);
  return Float32Array.from({ length: n }, () => random.normal());
};

/** The spacing of numbers of 11 bits, relative to them. */
const F16 = 2 ** -11;

const shapes = [
  { x: [2, 9, 7, 16], weight: [3, 3, 16, 20], stride: 1 },
  { x: [1, 9, 7, 12], weight: [3, 3, 12, 8], stride: 2 },
  { x: [2, 6, 5, 5], weight: [1, 1, 5, 12], stride: 1 },
  { x: [2, 9, 7, 32], weight: [3, 3, 8, 32], stride: 2, groups: 4 },
];

test.each(shapes.filter((_, i) => everything || i % 2 === 1))(
  "every variant of $weight at stride $stride errs by what the weights are rounded",
  async (shape) => {
    const { x: xShape, weight: wShape, stride, groups = 1 } = shape;
    const size = (s: readonly number[]) => s.reduce((a, b) => a * b, 1);
    const weight = new Variable("weight", wShape, normal(size(wShape), "weight"));
    const graph = new Graph();
    const y = conv2d(graph.input("x", xShape), weight, undefined, { stride, padding: wShape[0]! >> 1, groups });
    const x = normal(size(xShape), "x");
    const exact = await (await compile(gpu(), graph, { outputs: { y }, plain: true })).run({ x });
    const rounded = new Set<string>();
    for (let k = 0, count = 1; k < count; k++) {
      let name = "";
      const choice: Choice = (_, variants) => {
        count = variants.length;
        name = variants[k]!.variant;
        return variants[k]!;
      };
      const half = await compile(gpu(), graph, { outputs: { y }, frozen: true, half: true, choice });
      // The second run finds the narrowed weights of the first.
      await half.run({ x });
      const error = relativeError((await half.run({ x })).y, exact.y);
      expect(error, name).toBeLessThan(3 * F16);
      if (error > F16 / 8) rounded.add(name);
      half.destroy();
    }
    expect([...rounded]).toEqual(expect.arrayContaining([groups > 1 ? "grouped" : "subgroup", "tiled"]));
  },
);

test("the network's answers change by a thousandth, and it takes less memory", slow, async () => {
  const [n, size] = [2, 96];
  const net = new MGANet({ ...paperOptions, width: 0.5 }, 3);
  const graph = new Graph();
  const { logits, mask } = net.forward(graph.input("image", [n, size, size, 3]));
  const image = normal(n * size * size * 3, "image");
  const options = { outputs: { logits, mask }, frozen: true };
  const full = await compile(gpu(), graph, options);
  const half = await compile(gpu(), graph, { ...options, half: true });
  const [expected, actual] = [await full.run({ image }), await half.run({ image })];
  for (const name of ["logits", "mask"] as const) {
    const error = relativeError(actual[name], expected[name]);
    console.log(`half precision, ${name}: relative error ${error.toExponential(1)}`);
    expect(error).toBeLessThan(2e-3);
    expect(error).toBeGreaterThan(0);
  }
  expect(half.summary.peakBytes).toBeLessThan(0.8 * full.summary.peakBytes);
});

test(
  "with any variants of its kernels, half precision changes a narrow network's answers by less than a hundredth",
  slow,
  async () => {
    const [n, size] = [2, 64];
    const net = new MGANet({ ...paperOptions, width: 1 / 8 }, 3);
    const graph = new Graph();
    const { logits, mask } = net.forward(graph.input("image", [n, size, size, 3]));
    const image = normal(n * size * size * 3, "image");
    const options = { outputs: { logits, mask }, frozen: true };
    const expected = await (await compile(gpu(), graph, options)).run({ image });
    const comparisons = await withEveryVariant(async (choice) => {
      const plan = await compile(gpu(), graph, { ...options, half: true, choice });
      const actual = await plan.run({ image });
      expect(await plan.firstNonFinite({ image })).toBeUndefined();
      plan.destroy();
      return (["logits", "mask"] as const).map((what) => {
        return { what, error: relativeError(actual[what], expected[what]), bar: 1e-2 };
      });
    });
    expect(comparisons.length).toBeGreaterThan(6);
    for (const { what, error, bar } of comparisons) expect(error, what).toBeLessThan(bar);
  },
);

test("what is not finite in half precision is found and named", async () => {
  const graph = new Graph();
  const x = graph.input("x", [1, 2, 2, 4]);
  const large = graph.scope("the large one", () => scale(x, 1e5));
  const y = scale(large, 1e-5);
  const plan = await compile(gpu(), graph, { outputs: { y }, frozen: true, half: true });
  const ones = (value: number) => new Float32Array(16).fill(value);
  expect(await plan.firstNonFinite({ x: ones(0.5) })).toBeUndefined();
  expect(await plan.firstNonFinite({ x: ones(1) })).toContain("the large one");
});

test("is refused where it cannot be had", async () => {
  const options = { batch: 1, size: [32, 32], half: true } as const;
  const net = new MGANet({ ...paperOptions, width: 1 / 16 });
  await expect(Predictor.create(without(), (x) => net.forward(x), options)).rejects.toThrow(
    "this adapter has no shader-f16",
  );
  const graph = new Graph();
  const y = conv2d(graph.input("x", [1, 4, 4, 4]), new Variable("weight", [1, 1, 4, 4]));
  await expect(compile(gpu(), graph, { outputs: { y }, half: true })).rejects.toThrow("needs a frozen plan");
});
