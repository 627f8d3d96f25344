/** The optimiser and the network's parameters, created and used in any order. */
import { describe, expect, test } from "vitest";
import { sum } from "../../src/autograd/elementwise.ts";
import { crossEntropy } from "../../src/autograd/losses.ts";
import { globalAvgPool } from "../../src/autograd/spatial.ts";
import { compile } from "../../src/graph/compile.ts";
import { Graph } from "../../src/graph/graph.ts";
import { readVariable, releaseVariables, writeVariable } from "../../src/graph/storage.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { initialValues } from "../../src/nn/init.ts";
import { BatchNorm2d, Conv2d, Linear } from "../../src/nn/layers.ts";
import { Module } from "../../src/nn/module.ts";
import { Adam, slabsOf } from "../../src/optim/adam.ts";
import { useGpu } from "../support/gpu.ts";

const gpu = useGpu();

class Net extends Module {
  readonly conv = new Conv2d(3, 8, 3, { padding: 1, bias: false });
  readonly bn = new BatchNorm2d(8);
  readonly fc = new Linear(8, 2);

  constructor() {
    super();
    this.finish(initialValues(1));
  }

  forward(x: Tensor): Tensor {
    return this.fc.forward(globalAvgPool(this.bn.forward(this.conv.forward(x), { relu: true })));
  }
}

const image = new Float32Array(4 * 8 * 8 * 3).map((_, i) => Math.sin(i * i));
const label = Uint32Array.of(0, 1, 1, 0);

async function inference(net: Net, frozen: boolean) {
  const graph = new Graph();
  const logits = net.forward(graph.input("image", [4, 8, 8, 3]));
  return compile(gpu(), graph, { outputs: { logits }, frozen });
}

async function training(net: Net, adam: Adam) {
  const graph = new Graph({ training: true });
  const loss = crossEntropy(net.forward(graph.input("image", [4, 8, 8, 3])), graph.input("label", [4], "u32"));
  const plan = await compile(gpu(), graph, { outputs: { loss }, updates: adam.record(graph, loss).updates });
  return async (steps: number) => {
    const losses: number[] = [];
    for (let i = 0; i < steps; i++) losses.push((await plan.run({ image, label, adam: adam.advance() })).loss[0]!);
    return losses;
  };
}

const makeAdam = (net: Net) => new Adam(slabsOf(net.parameters()), { lr: 1e-2 });

/** The losses of a network that nothing was done with before its optimiser was made. */
async function expectedLosses(steps: number) {
  const net = new Net();
  const losses = await (await training(net, makeAdam(net)))(steps);
  net.release(gpu());
  return losses;
}

describe("a network that was used before its optimiser was made trains as one that was not", () => {
  const uses: Record<string, (net: Net) => Promise<unknown>> = {
    "a prediction": async (net) => (await inference(net, false)).run({ image }),
    "a frozen prediction": async (net) => (await inference(net, true)).run({ image }),
    "stateDict and loadStateDict": async (net) => net.loadStateDict(gpu(), await net.stateDict(gpu())),
    "one variable, read": (net) => readVariable(gpu(), net.conv.weight),
  };
  test.each(Object.keys(uses))("%s", async (name) => {
    const net = new Net();
    await uses[name]!(net);
    const losses = await (await training(net, makeAdam(net)))(30);
    expect(losses).toEqual(await expectedLosses(30));
    expect(losses.at(-1)!).toBeLessThan(0.9 * losses[0]!);
  });
});

test.each([false, true])("plans compiled before follow the parameters into the slab; frozen: %s", async (frozen) => {
  const net = new Net();
  const [before, never] = [await inference(net, frozen), await inference(net, frozen)];
  const first = await before.run({ image });
  const step = await training(net, makeAdam(net));
  expect(await before.run({ image })).toEqual(first);
  await step(5);
  const plain = await inference(net, false);
  const { logits: expected } = await plain.run({ image });
  expect(expected).not.toEqual(first["logits"]);
  // In frozen plans batch norms are part of the convolutions.
  for (const plan of [before, never]) {
    const { logits } = await plan.run({ image });
    for (const [i, value] of logits.entries()) expect(value).toBeCloseTo(expected[i]!, 4);
  }
  gpu().check();
});

test("weights loaded between compiling and training are what is trained", async () => {
  const [donor, net] = [new Net(), new Net()];
  writeVariable(gpu(), donor.fc.bias, Float32Array.of(3, -3));
  const adam = makeAdam(net);
  const step = await training(net, adam);
  net.loadStateDict(gpu(), await donor.stateDict(gpu()));
  const other = await training(donor, makeAdam(donor));
  expect(await step(5)).toEqual(await other(5));
});

describe("parameters lie in one slab", () => {
  test("and a second optimiser takes the slabs of the first", async () => {
    const net = new Net();
    const adam = makeAdam(net);
    expect(() => slabsOf(net.parameters())).toThrow(
      "variable conv.weight already belongs to a slab: give a second optimiser the slabs of the first, as in new Adam(first.slabs, options)",
    );
    const second = new Adam(adam.slabs, { lr: 1e-2 });
    expect(await (await training(net, second))(3)).toEqual(await expectedLosses(3));
  });

  test("or none has got a place when one cannot", () => {
    const net = new Net();
    slabsOf([net.fc.bias]);
    expect(() => slabsOf(net.parameters())).toThrow("variable fc.bias already belongs to a slab");
    expect(net.conv.weight.place).toBeUndefined();
    expect(() => slabsOf([net.fc.weight, net.fc.weight])).toThrow("variable fc.weight is given twice");
  });

  test("and begin with their initial values again where some of a slab were released", async () => {
    const net = new Net();
    slabsOf(net.parameters());
    const before = await readVariable(gpu(), net.conv.weight);
    for (const p of [net.conv.weight, net.fc.bias]) writeVariable(gpu(), p, new Float32Array(p.size).fill(7));
    writeVariable(gpu(), net.bn.bias, new Float32Array(8).fill(5));
    releaseVariables(gpu(), [net.conv.weight, net.fc.bias]);
    expect(await readVariable(gpu(), net.conv.weight)).toEqual(before);
    expect([...(await readVariable(gpu(), net.fc.bias))]).toEqual([0, 0]);
    expect([...(await readVariable(gpu(), net.bn.bias))]).toEqual(new Array(8).fill(5));
  });
});

describe("an optimiser that would train nothing, or nonsense, is an error", () => {
  test("no parameters", () => {
    expect(() => slabsOf([])).toThrow("slabsOf: no parameters to train");
    expect(() => new Adam([], {})).toThrow("Adam: no parameters to train");
  });

  test.each<[Record<string, number>, string]>([
    [{ lr: NaN }, "the learning rate must be a number of at least 0, got NaN"],
    [{ lr: -1 }, "the learning rate must be a number of at least 0, got -1"],
    [{ beta1: 1 }, "beta1 must be at least 0 and less than 1, got 1"],
    [{ beta2: NaN }, "beta2 must be at least 0 and less than 1, got NaN"],
    [{ eps: -1 }, "eps must be a number of at least 0, got -1"],
    [{ learningRate: 1 }, "unknown option learningRate; the options are lr, beta1, beta2, eps"],
  ])("options %o", (options, message) => {
    const net = new Net();
    expect(() => new Adam(slabsOf(net.parameters()), options)).toThrow(`Adam: ${message}`);
  });

  test("a learning rate of a step", () => {
    const adam = makeAdam(new Net());
    expect(() => adam.advance(NaN)).toThrow("Adam: the learning rate must be a number of at least 0, got NaN");
    expect(adam.steps).toBe(0);
  });

  test("a loss that does not depend on a parameter", () => {
    const [net, other] = [new Net(), new Net()];
    const graph = new Graph({ training: true });
    const loss = sum(net.forward(graph.input("image", [4, 8, 8, 3])));
    expect(() => makeAdam(other).record(graph, loss)).toThrow("the loss does not depend on conv.weight");
  });

  test("the value of one step for another", async () => {
    const net = new Net();
    const adam = makeAdam(net);
    const graph = new Graph({ training: true });
    const loss = crossEntropy(net.forward(graph.input("image", [4, 8, 8, 3])), graph.input("label", [4], "u32"));
    const plan = await compile(gpu(), graph, { outputs: { loss }, updates: adam.record(graph, loss).updates });
    const stale = adam.advance();
    await plan.run({ image, label, adam: stale });
    await expect(plan.run({ image, label, adam: stale })).rejects.toThrow(
      "input adam: these values were already used for a step; call adam.advance() for every step",
    );
    await expect(plan.run({ image, label })).rejects.toThrow("missing input adam [2]");
  });

  test("updates that are not passed on", async () => {
    const net = new Net();
    const graph = new Graph({ training: true });
    const loss = sum(net.forward(graph.input("image", [4, 8, 8, 3])));
    const { updates } = makeAdam(net).record(graph, loss);
    await expect(compile(gpu(), graph, { outputs: { loss } })).rejects.toThrow(
      "compile: the graph records updates (adam) that would not be run: pass them as updates, or [] to leave them out",
    );
    (await compile(gpu(), graph, { outputs: { loss }, updates: [] })).destroy();
    (await compile(gpu(), graph, { outputs: { loss }, updates })).destroy();
  });
});
