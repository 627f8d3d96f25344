/** Exported networks, run by onnxruntime-web with any number of images, compute what this program does. */
import { describe, expect, test } from "vitest";
import { toOnnx, type OnnxOptions } from "../../src/export/onnx/to-onnx.ts";
import { permute } from "../../src/nn/layout.ts";
import { randomStream } from "../../src/nn/random.ts";
import { useGpu } from "../support/gpu.ts";
import { onnxSession } from "../support/onnx.ts";
import { relativeError } from "../support/reference.ts";
import { slow } from "../support/selection.ts";
import { computed, imagesOf, smallConfigs, smallNetwork } from "./networks.ts";

const gpu = useGpu();

/** Numbers of images; the graph was recorded for one. */
const BATCHES = [2, 3] as const;
const MOST = Math.max(...BATCHES);

/** Variants, and how far they may be from this program's float32. */
const variants: Readonly<Record<string, { options: Omit<OnnxOptions, "size">; bar: number }>> = {
  f32: { options: {}, bar: 1e-5 },
  folded: { options: { fold: true }, bar: 1e-5 },
  "with preprocessing": { options: { withPreprocessing: true }, bar: 1e-5 },
  f16: { options: { precision: "f16" }, bar: 1e-2 },
  "f16, folded, with preprocessing": { options: { precision: "f16", fold: true, withPreprocessing: true }, bar: 1e-2 },
};

async function check(name: string, chosen: readonly string[]): Promise<void> {
  const { size } = smallConfigs[name]!;
  const [h, w] = size;
  const random = randomStream(2, name);
  const grey = Uint8Array.from({ length: MOST * h * w }, () => 256 * random.uniform());
  const { model, state } = smallNetwork(name);
  const found = await computed(gpu(), model, state, imagesOf(grey), [MOST, h, w, 3]);
  for (const variant of chosen) {
    const { options, bar } = variants[variant]!;
    const bytes = toOnnx((x) => model.phases.at(-1)!.infer(x), state, { size: [h, w], ...options });
    const session = await onnxSession(bytes);
    expect(session.inputs).toEqual([options.withPreprocessing ? "grey" : "image"]);
    for (const n of BATCHES) {
      const some = grey.subarray(0, n * h * w);
      const given = options.withPreprocessing
        ? { grey: { shape: [n, 1, h, w], data: some } }
        : { image: { shape: [n, 3, h, w], data: permute(imagesOf(some), [n, h, w, 3], [0, 3, 1, 2]) } };
      const outputs = await session.runAll(given);
      expect(Object.keys(outputs)).toEqual(["logits", "probabilities", ...(found["mask"] ? ["mask"] : [])]);
      for (const [output, values] of Object.entries(found)) {
        const expected = values.subarray(0, (values.length / MOST) * n);
        const error = relativeError(outputs[output]!.data, expected);
        expect(error, `${variant}, ${n} images: ${output}`).toBeLessThan(bar);
      }
    }
    await session.release();
  }
}

const all = Object.keys(variants);

test("MGA-Net, whose mask guides its classifier", () =>
  check("mganet parallel", ["folded", "with preprocessing", "f16"]));

describe("every network, in every variant", slow, () => {
  test.each(Object.keys(smallConfigs))("%s", (name) => check(name, all));
});
