/** Which file an export writes: names, shapes, metadata, and what is refused. No device is needed. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { toOnnx, type OnnxOptions } from "../../src/export/onnx/to-onnx.ts";
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

test("what cannot be written is refused", () => {
  const overflowing = () =>
    exported("resnet34", { precision: "f16" }, (state) => (state.get("bn1.running_var")!.data[0] = 1e6));
  expect(overflowing).toThrow("bn1.running_var holds 1000000, beyond half precision, which ends at 65504");
  expect(() => exported("resnet34", {}, (state) => state.delete("fc.bias"))).toThrow("fc.bias is missing");
  const bf16 = { precision: "bf16" as "f16" };
  expect(() => exported("resnet34", bf16)).toThrow("toOnnx: precision is bf16, expected f32 or f16");
  expect(() => exported("resnet34", { folded: true } as object)).toThrow("toOnnx: unknown option folded");
});
