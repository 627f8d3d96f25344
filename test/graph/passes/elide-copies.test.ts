import { describe, expect, test } from "vitest";
import { conv2d } from "../../../src/autograd/conv2d.ts";
import { relu, sum } from "../../../src/autograd/elementwise.ts";
import { gradients } from "../../../src/autograd/gradients.ts";
import { cat, interpolate } from "../../../src/autograd/spatial.ts";
import { kernelsOf } from "../../../src/graph/preview.ts";
import { Graph } from "../../../src/graph/graph.ts";
import { Variable, type Tensor } from "../../../src/graph/tensor.ts";
import { MGANet, paperOptions } from "../../../src/models/mganet/network.ts";

const weight = new Variable("weight", [3, 3, 12, 8]);

/** As a decoder begins: an enlarged tensor and a skip connection, which are computed, concatenated and convolved. */
function decoder() {
  const graph = new Graph({ training: true });
  const [x, skip] = [relu(graph.input("x", [2, 3, 5, 8])), relu(graph.input("skip", [2, 6, 10, 4]))];
  const larger = interpolate(x, [6, 10]);
  const both = cat([larger, skip]);
  const y = conv2d(both, weight, undefined, { padding: 1 });
  return { graph, x, skip, larger, both, y, grads: gradients(sum(y), [x, skip, weight]) };
}

const names = (graph: Graph, outputs: readonly Tensor[]) =>
  kernelsOf(graph, { outputs: Object.fromEntries(outputs.map((t, i) => [`${i}`, t])) }).map(({ name }) => name);

const laidOut = ["interpolate", "cat", "split"];

describe("what only convolutions read", () => {
  test("is read from its sources, and its gradient is written in parts", () => {
    const { graph, y, grads } = decoder();
    const found = names(graph, [y, ...grads]);
    expect(found).toEqual(expect.arrayContaining(["conv2d", "conv2d.weightGrad", "conv2d.inputGrad"]));
    expect(found.filter((name) => laidOut.includes(name))).toEqual([]);
    const kernels = kernelsOf(graph, { outputs: { dx: grads[0]!, dskip: grads[1]! } });
    const dealt = kernels.find(({ name }) => name === "conv2d.inputGrad")!;
    expect(dealt.outputs.map(({ shape }) => shape)).toEqual([
      [2, 6, 10, 8],
      [2, 6, 10, 4],
    ]);
  });

  test("is laid out where somebody wants to see it", () => {
    const { graph, both, larger, y } = decoder();
    expect(names(graph, [y, both])).toEqual(expect.arrayContaining(["interpolate", "cat"]));
    const found = names(graph, [y, larger]);
    expect(found).toContain("interpolate");
    expect(found).not.toContain("cat");
  });

  test("is laid out where something else reads it, too", () => {
    const { graph, both, y } = decoder();
    expect(names(graph, [y, relu(both)])).toContain("cat");
  });

  test("and where its gradient is not wanted in all its parts, that is not", () => {
    const { graph, grads } = decoder();
    const found = names(graph, [grads[1]!]);
    expect(found.filter((name) => name === "split")).toEqual(["split"]);
  });

  test("is laid out for a convolution that cannot read it in place, and so is its gradient", () => {
    const graph = new Graph({ training: true });
    const [x, skip] = [relu(graph.input("x", [2, 6, 10, 5])), relu(graph.input("skip", [2, 6, 10, 7]))];
    const y = conv2d(cat([x, skip]), weight, undefined, { padding: 1 });
    expect(names(graph, [y])).toEqual(["relu", "relu", "cat", "conv2d"]);
    const found = names(graph, gradients(sum(y), [x, skip]));
    expect(found.filter((name) => name === "split").length).toBe(2);
  });
});

test("MGA-Net's decoder lays nothing out", () => {
  const graph = new Graph({ training: true });
  const net = new MGANet({ ...paperOptions, width: 0.25 });
  const { segLogits } = net.forward(graph.input("image", [2, 64, 64, 3]));
  const parameters = net.parameters().filter(({ name }) => name.startsWith("segmenter."));
  const found = names(graph, [segLogits, ...gradients(sum(segLogits), parameters)]);
  expect(found.filter((name) => laidOut.includes(name))).toEqual([]);
});
