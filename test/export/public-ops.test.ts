/** Every op and layer of the public interface, exported and run by onnxruntime-web with one sample and three, computes what this program does. */
import { describe, expect, test } from "vitest";
import { toOnnx } from "../../src/export/onnx/to-onnx.ts";
import { compile } from "../../src/graph/compile.ts";
import { Graph } from "../../src/graph/graph.ts";
import { releaseVariables } from "../../src/graph/storage.ts";
import { sizeOf } from "../../src/kernels/kernel.ts";
import { permute } from "../../src/nn/layout.ts";
import { useGpu } from "../support/gpu.ts";
import { onnxSession } from "../support/onnx.ts";
import { relativeError } from "../support/reference.ts";
import { layerNetworks, opNetworks, type OpNetwork } from "./public-ops.ts";

const gpu = useGpu();

const NCHW = [0, 3, 1, 2];
const orderOf = (shape: readonly number[]) => (shape.length === 4 ? NCHW : [...shape.keys()]);
const inOrder = (shape: readonly number[]) => orderOf(shape).map((axis) => shape[axis]!);

/** What this program computes of n samples, in the export's order. */
async function computed({ sample, forward, variables }: OpNetwork, n: number, input: Float32Array) {
  const graph = new Graph();
  const y = forward(graph.input("input", [n, ...sample]));
  const plan = await compile(gpu(), graph, { outputs: { y } });
  const found = await plan.run({ input });
  plan.destroy();
  releaseVariables(gpu(), variables());
  return { shape: inOrder(y.shape), data: permute(found.y, y.shape, orderOf(y.shape)) };
}

const inputOf = (n: number, sample: readonly number[]) =>
  Float32Array.from({ length: n * sizeOf(sample) }, (_, i) => Math.sin(1.7 * i + 0.3));

async function check(network: OpNetwork): Promise<void> {
  const { sample, forward } = network;
  // Recorded once before, so that the state is whole.
  const expected = [await computed(network, 1, inputOf(1, sample)), await computed(network, 3, inputOf(3, sample))];
  for (const [precision, bar] of [
    ["f32", 1e-5],
    ["f16", 1e-2],
  ] as const) {
    // prettier-ignore
    const session = await onnxSession(toOnnx(forward, network.state, { input: sample, precision }));
    for (const [i, n] of [1, 3].entries()) {
      const data = permute(inputOf(n, sample), [n, ...sample], orderOf([n, ...sample]));
      const { output } = await session.runAll({ input: { shape: inOrder([n, ...sample]), data } });
      const { shape, data: values } = expected[i]!;
      expect(output!.shape, `${precision}, ${n} samples`).toEqual(shape);
      expect(relativeError(output!.data, values), `${precision}, ${n} samples`).toBeLessThan(bar);
    }
    await session.release();
  }
}

describe.each(Object.entries(opNetworks))("%s", (_, networks) => {
  test.each(networks)("$name", (network) => check(network));
});

describe.each(Object.entries(layerNetworks))("%s", (_, networks) => {
  test.each(networks)("$name", (network) => check(network));
});
