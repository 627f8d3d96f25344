/** Ops in random order, exported and run by onnxruntime-web, whose optimiser moves transpositions, compute what this program does. */
import { expect, test } from "vitest";
import "../../src/autograd/methods.ts";
import { avgPool2d } from "../../src/autograd/pooling.ts";
import { conv2d } from "../../src/autograd/conv2d.ts";
import { globalAvgPool, cat, interpolate, maxPool2d, split } from "../../src/autograd/spatial.ts";
import { layerNorm } from "../../src/autograd/tokens.ts";
import { upsampleNearest } from "../../src/autograd/upsample.ts";
import { toOnnx } from "../../src/export/onnx/to-onnx.ts";
import { compile } from "../../src/graph/compile.ts";
import { Graph } from "../../src/graph/graph.ts";
import { releaseVariables } from "../../src/graph/storage.ts";
import { Variable, type Tensor } from "../../src/graph/tensor.ts";
import { sizeOf } from "../../src/kernels/kernel.ts";
import { permute } from "../../src/nn/layout.ts";
import { randomStream } from "../../src/nn/random.ts";
import { useGpu } from "../support/gpu.ts";
import { onnxSession } from "../support/onnx.ts";
import { relativeError } from "../support/reference.ts";

const gpu = useGpu();

type Weights = (...shape: number[]) => Variable;
type Step = (x: Tensor, weights: Weights) => Tensor;

/** What can follow, by the number of axes; samples come first. */
const ofAny: Readonly<Record<string, Step>> = {
  tanh: (x) => x.tanh(),
  "channels added": (x, w) => x.add(w(x.shape.at(-1)!)),
  "second axis multiplied": (x, w) => x.mul(w(x.shape[1]!, ...x.shape.slice(2).map(() => 1))),
  "less half its mean": (x) => x.sub(x.mean(-1, true).mul(0.5)),
  "by its size": (x) => x.div(x.abs().amax(1, true).add(1)),
  softmax: (x) => x.softmax(-1).mul(3),
  "softmax of axis 1": (x) => x.softmax(1).mul(3),
  "itself again": (x) => x.add(x.neg().relu()),
  "layer norm": (x, w) => layerNorm(x.add(w(x.shape.at(-1)!)), w(x.shape.at(-1)!), w(x.shape.at(-1)!)),
};
const steps: Readonly<Record<number, Readonly<Record<string, Step>>>> = {
  2: {
    ...ofAny,
    linear: (x, w) => x.matmul(w(x.shape[1]!, 6)).mul(0.5),
    tokens: (x) => (x.shape[1]! % 3 === 0 ? x.reshape(-1, 3, x.shape[1]! / 3) : x.unsqueeze(1)),
    pixels: (x) => x.unsqueeze(1).unsqueeze(1),
  },
  3: {
    ...ofAny,
    turned: (x) => x.transpose(1, 2),
    "with themselves": (x) => x.matmul(x.transpose(1, 2)).mul(0.2),
    flattened: (x) => x.flatten(1),
    "one axis less": (x) => x.mean(1),
    pixels: (x) => x.unsqueeze(2),
    "as pixels": (x) => x.reshape(x.shape[0]!, x.shape[1]!, 1, -1),
  },
  4: {
    ...ofAny,
    convolution: (x, w) => conv2d(x, w(3, 3, x.shape[3]!, 4), undefined, { padding: 1 }).mul(0.4),
    "1 by 1": (x, w) => x.matmul(w(x.shape[3]!, 6)).mul(0.5),
    "max pooling": (x) => maxPool2d(x, { kernel: 3, stride: 1, padding: 1 }),
    "mean pooling": (x) => avgPool2d(x, { kernel: 3, stride: 1, padding: 1 }),
    resized: (x) => interpolate(x, [5, 3]),
    doubled: (x) => (x.size > 4000 ? x.relu() : upsampleNearest(x, [2, 1])),
    "beside itself": (x) => (x.shape[3]! > 12 ? x.relu() : cat([x, x.tanh()])),
    "a part": (x) => (x.shape[3]! > 3 ? split(x, [3, x.shape[3]! - 3])[0]! : x.relu()),
    turned: (x) => x.permute(0, 2, 1, 3),
    "channels first": (x) => x.permute(0, 3, 1, 2),
    excited: (x) => x.mul(x.mean([1, 2], true).sigmoid()),
    pooled: (x) => globalAvgPool(x),
    "rows away": (x) => x.sum(1).mul(0.3),
    tokens: (x) => x.flatten(1, 2),
    flattened: (x) => x.permute(0, 3, 1, 2).flatten(1),
  },
};

/** A network by its number: eleven steps, from a map or tokens. */
function networkOf(seed: number) {
  const random = randomStream(seed, "network");
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random.uniform() * from.length)]!;
  const sample = pick([[5, 7, 3], [6, 4], [9]]); // prettier-ignore
  const chosen: string[] = [];
  const variables: Variable[] = [];
  const forward = (input: Tensor): Tensor => {
    let [x, used] = [input, 0];
    const weights: Weights = (...shape) => {
      const data = Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(1.3 * i + used));
      variables[used] ??= new Variable(`w${used}`, shape, data);
      return variables[used++]!;
    };
    for (let i = 0; i < 11; i++) {
      const possible = steps[x.shape.length]!;
      chosen[i] ??= pick(Object.keys(possible));
      x = possible[chosen[i]!]!(x, weights);
    }
    return x;
  };
  return { sample, forward, chosen, variables };
}

const inOrder = (shape: readonly number[]) => (shape.length === 4 ? [0, 3, 1, 2] : [...shape.keys()]);

test.each(Array.from({ length: 60 }, (_, i) => i))("network %i", async (seed) => {
  const { sample, forward, chosen, variables } = networkOf(seed);
  const [n, shape] = [3, [3, ...sample]];
  const graph = new Graph();
  const y = forward(graph.input("x", shape));
  const x = Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(1.7 * i + 0.3));
  const plan = await compile(gpu(), graph, { outputs: { y } });
  const { y: values } = await plan.run({ x });
  plan.destroy();
  const state = new Map(variables.map((v) => [v.name, { shape: v.shape, data: v.initial! }]));
  releaseVariables(gpu(), variables);
  const session = await onnxSession(toOnnx(forward, state, { input: sample }));
  const given = permute(x, shape, inOrder(shape));
  const { output } = await session.runAll({
    input: { shape: inOrder(shape).map((axis) => shape[axis]!), data: given },
  });
  await session.release();
  const expected = permute(values, y.shape, inOrder(y.shape));
  expect(output!.shape, `${chosen.join(", ")} of ${n}`).toEqual(inOrder(y.shape).map((axis) => y.shape[axis]!));
  expect(relativeError(output!.data, expected), chosen.join(", ")).toBeLessThan(1e-4);
});
