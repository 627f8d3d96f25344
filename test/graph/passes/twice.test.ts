/** Tensors that a pass would bind twice: concatenations within concatenations, and parameters that layers share. */
import { expect, test } from "vitest";
import { conv2d } from "../../../src/autograd/conv2d.ts";
import { relu, sum } from "../../../src/autograd/elementwise.ts";
import { tanh } from "../../../src/autograd/math.ts";
import { gradients } from "../../../src/autograd/gradients.ts";
import { cat } from "../../../src/autograd/spatial.ts";
import { compile } from "../../../src/graph/compile.ts";
import { Graph } from "../../../src/graph/graph.ts";
import { Variable, type Tensor } from "../../../src/graph/tensor.ts";
import { BatchNorm2d, Conv2d, Sequential } from "../../../src/entries/nn.ts";
import { useGpu } from "../../support/gpu.ts";

const gpu = useGpu();
const image = Float32Array.from({ length: 2 * 5 * 6 * 4 }, (_, i) => Math.sin(i + 1));
const data = Float32Array.from({ length: 3 * 3 * 12 * 8 }, (_, i) => Math.cos(i));
const shape = [2, 5, 6, 4];

/** Three operands, of which two are one tensor. */
const nested: [string, (a: Tensor, again: Tensor, b: Tensor) => Tensor][] = [
  ["a computed tensor", (a, again, b) => cat([a, cat([again, b])])],
  ["twice within the inner one", (a, again, b) => cat([b, cat([a, again])])],
  ["on both sides", (a, again, b) => cat([cat([a, b]), again])],
];

test.each(nested)("a concatenation in another: %s", async (_, put) => {
  const weight = new Variable("weight", [3, 3, 12, 8], data);
  const run = async (training: boolean, same: boolean) => {
    const graph = new Graph({ training });
    const x = graph.input("x", shape);
    const a = relu(x);
    const y = conv2d(put(a, same ? a : relu(x), tanh(x)), weight, undefined, { padding: 1 });
    const [dx, dw] = training ? gradients(sum(tanh(y)), [x, weight]) : [y, y];
    using plan = await compile(gpu(), graph, { outputs: { y, dx: dx!, dw: dw! }, frozen: !training });
    return await plan.run({ x: image });
  };
  for (const training of [false, true]) {
    const [found, expected] = [await run(training, true), await run(training, false)];
    for (const name of ["y", "dw", "dx"] as const)
      found[name].forEach((value, i) => void expect(value).toBeCloseTo(expected[name][i]!, 4));
  }
});

const shared: [string, (convolution: Conv2d, norm: BatchNorm2d) => void][] = [
  ["bias is the offset", (convolution, norm) => void Object.assign(convolution, { bias: norm.bias })],
  ["bias is the factor", (convolution, norm) => void Object.assign(convolution, { bias: norm.weight })],
];

test.each(shared)("a convolution and its batch normalisation share a parameter: its %s", async (_, share) => {
  const [convolution, norm] = [new Conv2d(4, 8, 3, { bias: true }), new BatchNorm2d(8)];
  share(convolution, norm);
  const net = new Sequential(convolution, norm).finish(1);
  const run = async (frozen: boolean) => {
    const graph = new Graph();
    using plan = await compile(gpu(), graph, { outputs: { y: net.forward(graph.input("x", shape)) }, frozen });
    return (await plan.run({ x: image })).y;
  };
  const expected = await run(false);
  (await run(true)).forEach((value, i) => void expect(value).toBeCloseTo(expected[i]!, 5));
});
