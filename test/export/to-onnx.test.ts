/** Which file an export writes: names, shapes, metadata, and what is refused. No device is needed. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { add, div, mul } from "../../src/autograd/arithmetic.ts";
import { relu, scale } from "../../src/autograd/elementwise.ts";
import { clamp } from "../../src/autograd/math.ts";
import { sum } from "../../src/autograd/reductions.ts";
import { reshape, unsqueeze } from "../../src/autograd/shape.ts";
import { globalAvgPool } from "../../src/autograd/spatial.ts";
import { toOnnx, type OnnxOptions } from "../../src/export/onnx/to-onnx.ts";
import { Variable, type Tensor } from "../../src/graph/tensor.ts";
import { initialValues } from "../../src/nn/init.ts";
import { BatchNorm2d, Conv2d, Linear } from "../../src/nn/layers.ts";
import { torchShape, toTorch } from "../../src/nn/layout.ts";
import { Module } from "../../src/nn/module.ts";
import { VERSION } from "../../src/export/version.ts";
import { onnxSession } from "../support/onnx.ts";
import { smallNetwork } from "./networks.ts";

const exported = (
  name: string,
  options: Partial<OnnxOptions> = {},
  change?: (state: ReturnType<typeof smallNetwork>["state"]) => void,
) => {
  const { config, model, state } = smallNetwork(name);
  change?.(state);
  return { bytes: toOnnx((x) => model.phases.at(-1)!.infer(x), state, { size: config.size, ...options }), state };
};

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");

test("the version is the package's", () => {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  expect(VERSION).toBe(version);
});

test("weights keep PyTorch's names, and maps are nowhere transposed", () => {
  const { bytes, state } = exported("mganet parallel", { metadata: { classes: '["benign","malignant"]' } });
  for (const name of state.keys()) expect(text(bytes)).toContain(name);
  expect(text(bytes)).not.toContain("Transpose");
  expect(text(bytes)).toContain('classes\x12\x16["benign","malignant"]');
});

test("folded, no batch normalisation is left", () => {
  const folded = text(exported("resnet34", { fold: true }).bytes);
  expect(folded).not.toContain("BatchNormalization");
  expect(folded).not.toContain("running_mean");
  expect(folded).toContain("layer1.0.conv1.bias");
  expect(text(exported("resnet34").bytes)).toContain("layer1.0.bn1.running_mean");
});

test("f16 takes half the space", async () => {
  const [full, half] = [exported("vit_b_16").bytes, exported("vit_b_16", { precision: "f16" }).bytes];
  expect(half.length / full.length).toBeLessThan(0.55);
  const session = await onnxSession(half);
  expect([session.inputs, session.outputs]).toEqual([["image"], ["logits", "probabilities"]]);
  await session.release();
});

/** Of one channel, with a residual and two outputs. */
class Own extends Module {
  readonly conv = new Conv2d(1, 5, 3, { padding: 1, bias: true });
  readonly bn = new BatchNorm2d(5);
  readonly fc = new Linear(5, 3);

  forward(x: Tensor) {
    const maps = relu(this.bn.forward(this.conv.forward(x)));
    return { maps, scores: this.fc.forward(globalAvgPool(maps)) };
  }
}

/** As `stateDict` gives them, without a device. */
const stateOf = (net: Module) =>
  new Map(
    [...net.named()].map(([name, { initial, shape, size, layout }]) => {
      const data = toTorch(initial ?? new Float32Array(size), shape, layout);
      return [name, { shape: torchShape(shape, layout), data }];
    }),
  );

test("a network of one's own: its input, its outputs by name, or one", async () => {
  const net = new Own();
  net.finish(initialValues(1));
  const bytes = toOnnx((x) => net.forward(x), stateOf(net), { input: [7, 5, 1] });
  const session = await onnxSession(bytes);
  expect([session.inputs, session.outputs]).toEqual([["input"], ["maps", "scores"]]);
  const data = Float32Array.from({ length: 3 * 35 }, (_, i) => Math.sin(i));
  const out = await session.runAll({ input: { data, shape: [3, 1, 7, 5] } });
  expect([out["maps"]!.data.length, out["scores"]!.data.length]).toEqual([3 * 5 * 35, 9]);
  await session.release();
  expect(text(toOnnx((x) => net.forward(x).scores, stateOf(net), { input: [7, 5, 1] }))).toContain("output");
});

/** Exports what is recorded for a sample [5, 3], and runs it. */
async function own(of: (x: Tensor) => Tensor | Record<string, Tensor>, state = new Map<string, never>()) {
  const session = await onnxSession(toOnnx(of, state, { input: [5, 3] }));
  const data = Float32Array.from({ length: 30 }, (_, i) => i);
  const out = await session.runAll({ input: { data, shape: [2, 5, 3] } });
  await session.release();
  return { out, data };
}

test("outputs may be one another's views, the same twice, or the input", async () => {
  const { out, data } = await own((x) => {
    const y = scale(x, 2);
    return { y, again: y, flat: reshape(y, [-1, 15]), rows: reshape(y, [-1, 3]), x, all: sum(y) };
  });
  const shapes = Object.fromEntries(Object.entries(out).map(([name, { shape }]) => [name, shape]));
  expect(shapes).toEqual({ y: [2, 5, 3], again: [2, 5, 3], flat: [2, 15], rows: [10, 3], x: [2, 5, 3], all: [1] });
  const doubled = data.map((value) => 2 * value);
  for (const name of ["y", "again", "flat", "rows"]) expect(out[name]!.data, name).toEqual(doubled);
  expect(out["x"]!.data).toEqual(data);
  expect([...out["all"]!.data]).toEqual([doubled.reduce((a, b) => a + b)]);
});

test("names of outputs may be those of weights or of what an export calls its own constants", async () => {
  const floats = new Variable("floats", [3], Float32Array.of(1, 2, 3));
  const state = new Map([["floats", { shape: [3], data: floats.initial! }]]) as unknown as Map<string, never>;
  const { out, data } = await own((x) => ({ floats: add(scale(x, 0.5), floats) }), state);
  expect(out["floats"]!.data).toEqual(data.map((value, i) => value / 2 + 1 + (i % 3)));
});

test("a clamp of one bound leaves infinity on the other side, and one at all what is not a number", async () => {
  const data = Float32Array.of(NaN, Infinity, -Infinity, -3, 0, 3);
  const bounds = { below: { min: -1 }, above: { max: 1 }, both: { min: -1, max: 1 } };
  const of = (x: Tensor) => Object.fromEntries(Object.entries(bounds).map(([name, given]) => [name, clamp(x, given)]));
  const session = await onnxSession(toOnnx(of, new Map(), { input: [3] }));
  const out = await session.runAll({ input: { data, shape: [2, 3] } });
  await session.release();
  expect([...out["below"]!.data]).toEqual([NaN, Infinity, -1, -1, 0, 3]);
  expect([...out["above"]!.data]).toEqual([NaN, 1, -Infinity, -3, 0, 1]);
  expect([...out["both"]!.data]).toEqual([NaN, 1, -1, -1, 0, 1]);
});

test("what takes one sample only, or depends on how many there are, is refused with what to do", () => {
  const refused = (of: (x: Tensor) => object) => {
    try {
      toOnnx(of, new Map(), { input: [5, 3] });
    } catch (error) {
      return (error as Error).message;
    }
    return "";
  };
  expect(refused((x) => reshape(x, [1, 15]))).toBe(
    "toOnnx: the network takes one sample, but not 2: reshape: [2, 5, 3] has 30 elements, which do not make [1, 15]; " +
      "where the number of samples is meant, write x.shape[0], or -1 in reshape",
  );
  expect(refused((x) => div(sum(x, 0), x.shape[0]!))).toContain(
    "div has a number in it that depends on how many samples there are, which an export leaves open: let an op count them",
  );
  expect(refused((x) => (x.shape[0] === 2 ? relu(x) : scale(x, 2)))).toContain(
    "toOnnx: the network records other ops for 2 samples than for 3",
  );
  expect(refused((x) => reshape(add(unsqueeze(x, 0), unsqueeze(x, 1)), [-1, 3]))).toContain(
    "2 samples make [20, 3] and 3 make [45, 3]; the export takes sizes that are the same for any number of samples, or multiples of it",
  );
  expect(refused((x) => ({ input: relu(x) }))).toBe('toOnnx: an output cannot be called "input"; give it another name');
  expect(refused((x) => ({ y: [relu(x)] }))).toMatch(/^toOnnx: the network gives an Array as y, not a tensor: /);
  // What fails for one sample, too, says so itself.
  expect(refused((x) => reshape(x, [7]))).toBe("reshape: [1, 5, 3] has 15 elements, which do not make [7]");
});

test("f16 refuses numbers of the network that half precision does not have", () => {
  const half = (of: (x: Tensor) => Tensor) => () => toOnnx(of, new Map(), { input: [5, 3], precision: "f16" });
  expect(half((x) => add(x, 1e-8))).toThrow("add: 1e-8 is 0 in half precision; export the network in f32");
  expect(half((x) => mul(x, 1e5))).toThrow("scale: 100000 is infinite in half precision; export the network in f32");
  expect(half((x) => clamp(x, { max: 1e-7 }))).toThrow("clamp: 1e-7 is 1.1920928955078125e-7 in half precision");
  expect(half((x) => add(x, 1e-5))).not.toThrow();
});

test("options that contradict each other are refused", () => {
  const infer = (x: Tensor) => relu(x);
  expect(() => toOnnx(infer, new Map(), { input: [5], size: [1, 5] })).toThrow("give size, or input, and not both");
  expect(() => toOnnx(infer, new Map(), {})).toThrow("give size, or input, and not both");
  expect(() => toOnnx(infer, new Map(), { size: 224 as never })).toThrow("size is [height, width], got a Number");
});

test("what cannot be written is refused", () => {
  const overflowing = () =>
    exported("resnet34", { precision: "f16" }, (state) => (state.get("bn1.running_var")!.data[0] = 1e6));
  expect(overflowing).toThrow("bn1.running_var holds 1000000, beyond half precision, which ends at 65504");
  expect(() => exported("resnet34", {}, (state) => state.delete("fc.bias"))).toThrow("fc.bias is missing");
  const bf16 = { precision: "bf16" as "f16" };
  expect(() => exported("resnet34", bf16)).toThrow("toOnnx: precision is bf16, expected f32 or f16");
  expect(() => exported("resnet34", { folded: true } as object)).toThrow("toOnnx: unknown option folded");
});
