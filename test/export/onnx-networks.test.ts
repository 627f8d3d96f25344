/** Exported networks, run by onnxruntime-web with any number of images, compute what this program does. */
import { describe, expect, test } from "vitest";
import { IMAGE_DEVIATION, IMAGE_MEAN } from "../../src/data/batches.ts";
import { toOnnx, type OnnxOptions } from "../../src/export/onnx/to-onnx.ts";
import { compile } from "../../src/graph/compile.ts";
import { Graph } from "../../src/graph/graph.ts";
import { permute } from "../../src/nn/layout.ts";
import { randomStream } from "../../src/nn/random.ts";
import { useGpu } from "../support/gpu.ts";
import { onnxSession } from "../support/onnx.ts";
import { relativeError } from "../support/reference.ts";
import { slow } from "../support/selection.ts";
import { smallConfigs, smallNetwork } from "./networks.ts";

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

/** What the program itself computes in float32, of grey images. */
async function expectedOf(name: string, grey: Uint8Array) {
  const { config, model, state } = smallNetwork(name);
  const [h, w] = config.size;
  model.net.loadStateDict(gpu(), state);
  const graph = new Graph();
  const { logits, mask } = model.phases.at(-1)!.infer(graph.input("image", [MOST, h, w, 3]));
  const outputs = { ...(logits ? { logits } : {}), ...(mask ? { mask } : {}) };
  const plan = await compile(gpu(), graph, { outputs });
  const image = Float32Array.from({ length: 3 * grey.length }, (_, i) => normalised(grey[Math.floor(i / 3)]!));
  const found = await plan.run({ image });
  plan.destroy();
  model.net.release(gpu());
  return { config, model, state, found };
}

const normalised = (grey: number): number => (grey / 255 - IMAGE_MEAN) / IMAGE_DEVIATION;

async function check(name: string, chosen: readonly string[]): Promise<void> {
  const { size } = smallConfigs[name]!;
  const [h, w] = size;
  const random = randomStream(2, name);
  const grey = Uint8Array.from({ length: MOST * h * w }, () => 256 * random.uniform());
  const { model, state, found } = await expectedOf(name, grey);
  for (const variant of chosen) {
    const { options, bar } = variants[variant]!;
    const bytes = toOnnx((x) => model.phases.at(-1)!.infer(x), state, { size: [h, w], ...options });
    const session = await onnxSession(bytes);
    expect(session.inputs).toEqual([options.withPreprocessing ? "grey" : "image"]);
    for (const n of BATCHES) {
      const some = grey.subarray(0, n * h * w);
      const image = Float32Array.from({ length: 3 * some.length }, (_, i) => normalised(some[Math.floor(i / 3)]!));
      const given = options.withPreprocessing
        ? { grey: { shape: [n, 1, h, w], data: some } }
        : { image: { shape: [n, 3, h, w], data: permute(image, [n, h, w, 3], [0, 3, 1, 2]) } };
      const outputs = await session.runAll(given);
      expect(Object.keys(outputs)).toEqual(["logits", "probabilities", ...(found["mask"] ? ["mask"] : [])]);
      for (const [output, values] of Object.entries(found)) {
        const expected = values!.subarray(0, (values!.length / MOST) * n);
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
