/** Parts of a training graph that behave as in inference, by the paths of their modules. */
import { expect, test } from "vitest";
import { dropout } from "../../src/autograd/dropout.ts";
import { mean } from "../../src/autograd/elementwise.ts";
import { compile } from "../../src/graph/compile.ts";
import { Graph, graphOf } from "../../src/graph/graph.ts";
import { previewOf } from "../../src/graph/preview.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { initialValues } from "../../src/nn/init.ts";
import { BatchNorm2d, Conv2d } from "../../src/nn/layers.ts";
import { Module } from "../../src/nn/module.ts";
import { Adam, slabsOf } from "../../src/optim/adam.ts";
import { useGpu } from "../support/gpu.ts";

const gpu = useGpu();

/** Convolution, batch norm, and dropout recorded as the block's. */
class Block extends Module {
  readonly conv = new Conv2d(2, 2, 1, { bias: false });
  readonly bn = new BatchNorm2d(2);

  forward(x: Tensor, step: Tensor): Tensor {
    const y = this.bn.forward(this.conv.forward(x));
    return graphOf(x).scope(this.path, () => dropout(y, { p: 0.5, layer: 0, seed: 1, step }));
  }
}

/** Two blocks of which one's name begins with the other's. */
class Pair extends Module {
  readonly block = new Block();
  readonly block2 = new Block();
}

const shape = [4, 3, 3, 2];
const values = Float32Array.from({ length: 72 }, (_, i) => 2 + Math.sin(i));

function pairOf(): Pair {
  const pair = new Pair();
  pair.finish(initialValues(3));
  return pair;
}

function recordedIn(graph: Graph, pair: Pair): { kept: Tensor; trained: Tensor } {
  const [x, step] = [graph.input("x", shape), graph.input("step", [1], "u32")];
  return { kept: pair.block.forward(x, step), trained: pair.block2.forward(x, step) };
}

test("they give what inference gives, nothing is dropped, and running statistics stay as they are", async () => {
  const pair = pairOf();
  const graph = new Graph({ training: true, evaluating: ["block"] });
  const plan = await compile(gpu(), graph, { outputs: recordedIn(graph, pair) });
  const before = await pair.stateDict(gpu());
  const { kept, trained } = await plan.run({ x: values, step: Uint32Array.of(1) });
  const after = await pair.stateDict(gpu());
  const changed = [...after].filter(([name, { data }]) => before.get(name)!.data.some((v, i) => v !== data[i]));
  expect(changed.map(([name]) => name)).toEqual(["block2.bn.running_mean", "block2.bn.running_var"]);
  expect([kept.includes(0), trained.includes(0)]).toEqual([false, true]);
  const inference = new Graph();
  const other = pairOf();
  const x = inference.input("x", shape);
  const y = other.block.bn.forward(other.block.conv.forward(x));
  const frozen = await compile(gpu(), inference, { outputs: { y }, frozen: true });
  expect(kept).toEqual((await frozen.run({ x: values }))["y"]);
  for (const each of [plan, frozen]) each.destroy();
  for (const each of [pair, other]) each.release(gpu());
});

test("no gradient is computed where nothing is trained", () => {
  const pair = pairOf();
  const graph = new Graph({ training: true, evaluating: ["block"] });
  const x = graph.input("x", shape);
  const loss = mean(
    pair.block2.bn.forward(pair.block2.conv.forward(pair.block.bn.forward(pair.block.conv.forward(x)))),
  );
  const { updates } = new Adam(slabsOf(pair.block2.parameters())).record(graph, loss);
  const layers = new Set(previewOf(graph, { outputs: { loss }, updates }).map(({ layer }) => layer));
  expect([layers.has("block.conv"), layers.has("block2.conv'")]).toEqual([true, true]);
  expect([...layers].filter((layer) => /^block\..*'$/.test(layer))).toEqual([]);
});

test("gradients pass through them to what is trained before them", async () => {
  const pair = pairOf();
  const before = await pair.stateDict(gpu());
  const graph = new Graph({ training: true, evaluating: ["block"] });
  const x = graph.input("x", shape);
  const first = pair.block2.bn.forward(pair.block2.conv.forward(x));
  const loss = mean(pair.block.bn.forward(pair.block.conv.forward(first), { relu: true }));
  const adam = new Adam(slabsOf(pair.block2.parameters()));
  const plan = await compile(gpu(), graph, { outputs: { loss }, updates: adam.record(graph, loss).updates });
  await plan.run({ x: values, adam: adam.advance(1e-2) });
  const after = await pair.stateDict(gpu());
  const changed = [...after].filter(([name, { data }]) => before.get(name)!.data.some((v, i) => v !== data[i]));
  expect(new Set(changed.map(([name]) => name.split(".")[0]))).toEqual(new Set(["block2"]));
  expect(changed.map(([name]) => name)).toContain("block2.bn.bias");
  plan.destroy();
  pair.release(gpu());
});

test("arguments that are no paths are refused", () => {
  const wrong = (value: unknown) => () => new Graph({ training: true, evaluating: value as never });
  expect(wrong("block")).toThrow("Graph: evaluating is a String, not an array of paths of modules");
  expect(wrong([pairOf()])).toThrow("not an array of paths of modules");
  expect(new Graph({ training: true, evaluating: [""] }).training).toBe(false);
});
