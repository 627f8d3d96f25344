/** Which file an export writes: names, shapes, metadata, and what is refused. No device is needed. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { add, mul } from "../../src/autograd/arithmetic.ts";
import { defineOp } from "../../src/autograd/define-op.ts";
import { relu } from "../../src/autograd/elementwise.ts";
import { sum } from "../../src/autograd/reductions.ts";
import { flatten } from "../../src/autograd/shape.ts";
import { globalAvgPool } from "../../src/autograd/spatial.ts";
import { toOnnx, type OnnxOptions } from "../../src/export/onnx/to-onnx.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
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

test("a tensor that is read in another shape is refused, and options that contradict each other", () => {
  const net = new Own();
  net.finish(initialValues(1));
  const input = [1, 1, 5];
  const flat = (x: Tensor) => net.fc.forward(flatten(x, 1));
  expect(() => toOnnx(flat, stateOf(net), { input })).toThrow(
    "fc: conv2d reads a tensor in another shape, which has no ONNX form yet",
  );
  expect(() => toOnnx((x) => flatten(relu(x)), stateOf(net), { input })).toThrow(
    "the output output is a reshaped tensor",
  );
  expect(() => toOnnx(flat, stateOf(net), { input, size: [1, 5] })).toThrow("give size, or input, and not both");
  expect(() => toOnnx(flat, stateOf(net), {})).toThrow("give size, or input, and not both");
});

test("ops that share a name with one that has a form are refused: of one's own, with a number, broadcast, over some axes", () => {
  const net = new Own();
  net.finish(initialValues(1));
  const relus = defineOp({
    ...{ name: "relu", inputs: { x: "f32" }, outputs: { y: (x: readonly number[]) => x } },
    ...{ threads: (x: readonly number[]) => x.reduce((a, b) => a * b), wgsl: "y[i] = max(x[i], 0.1 * x[i]);" },
  } as never);
  const export1 = (of: (maps: Tensor) => Tensor) => () =>
    toOnnx((x) => of(net.conv.forward(x)), stateOf(net), { input: [7, 5, 1] });
  expect(export1((y) => relus(y))).toThrow("relu has no ONNX form");
  expect(export1((y) => add(y, 1))).toThrow("add has no ONNX form");
  expect(export1((y) => mul(y, net.conv.bias!))).toThrow(/has no ONNX form/);
  expect(export1((y) => sum(y, [1, 2]))).toThrow("sum has no ONNX form");
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
