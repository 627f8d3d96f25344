/** A run uses inputs and variables as they are when it is called, whatever happens to them afterwards. */
import { describe, expect, test } from "vitest";
import { add, mul, scale, sum } from "../../src/autograd/elementwise.ts";
import { compile } from "../../src/graph/compile.ts";
import { Graph } from "../../src/graph/graph.ts";
import { readVariable, writeVariable } from "../../src/graph/storage.ts";
import { Variable } from "../../src/graph/tensor.ts";
import { initialValues } from "../../src/nn/init.ts";
import { Linear } from "../../src/nn/layers.ts";
import { Module } from "../../src/nn/module.ts";
import { openGpu } from "../../src/node/open-gpu.ts";
import { Adam, slabsOf } from "../../src/optim/adam.ts";
import { useGpu } from "../support/gpu.ts";

const gpu = useGpu();

async function doubling() {
  const graph = new Graph();
  return compile(gpu(), graph, { outputs: { y: scale(graph.input("x", [2]), 2) } });
}

test("an array may be used again as soon as a run was called, however many are under way", async () => {
  const plan = await doubling();
  const x = new Float32Array(2);
  const runs = Array.from({ length: 5 }, (_, i) => plan.run({ x: x.fill(i) }));
  x.fill(100);
  expect((await Promise.all(runs)).map(({ y }) => [...y])).toEqual([0, 2, 4, 6, 8].map((y) => [y, y]));
});

test("what is written after a run was called counts for the next one", async () => {
  const v = new Variable("v", [1], Float32Array.of(1));
  const graph = new Graph();
  const plan = await compile(gpu(), graph, { outputs: { y: mul(graph.input("x", [1]), v) }, frozen: true });
  const first = plan.run({ x: Float32Array.of(1) });
  writeVariable(gpu(), v, Float32Array.of(5));
  const second = plan.run({ x: Float32Array.of(1) });
  expect([(await first).y[0], (await second).y[0]]).toEqual([1, 5]);
});

test("memory that is shared between threads is read like any other", async () => {
  const plan = await doubling();
  for (const buffer of [
    new SharedArrayBuffer(8),
    Reflect.construct(SharedArrayBuffer, [8, { maxByteLength: 16 }]) as SharedArrayBuffer,
    new ArrayBuffer(8),
  ]) {
    const x = new Float32Array(buffer);
    x.set([1, 2]);
    expect([...(await plan.run({ x })).y]).toEqual([2, 4]);
    const v = new Variable("v", [2]);
    writeVariable(gpu(), v, x);
    expect([...(await readVariable(gpu(), v))]).toEqual([1, 2]);
  }
});

test("a run that was refused, or cut off by destroy, leaves the others alone", async () => {
  const plan = await doubling();
  const x = Float32Array.of(1, 1);
  const refused = plan.run({ x: new Int32Array(2) as unknown as Float32Array });
  await expect(refused).rejects.toThrow("input x holds f32");
  expect((await plan.run({ x })).y[0]).toBe(2);
  const runs = Array.from({ length: 4 }, () => plan.run({ x }).catch((error: unknown) => (error as Error).message));
  plan.destroy();
  for (const message of await Promise.all(runs)) expect(message).toMatch(/^the plan was destroyed/);
  expect((await (await doubling()).run({ x })).y[0]).toBe(2);
});

describe("names that every object has", () => {
  test("as inputs and outputs", async () => {
    const graph = new Graph();
    const y = scale(graph.input("constructor", [1]), 2);
    graph.input("toString", [1]);
    const plan = await compile(gpu(), graph, { outputs: { ["__proto__"]: y, valueOf: y } });
    const out = await plan.run({ constructor: Float32Array.of(3) });
    expect(Object.entries(out)).toEqual([
      ["__proto__", Float32Array.of(6)],
      ["valueOf", Float32Array.of(6)],
    ]);
    await expect(plan.run({})).rejects.toThrow("missing input constructor [1]");
  });

  test.each([null, [], new Map(), new Float32Array(2)])(
    "what is no object of inputs is refused: %o",
    async (inputs) => {
      await expect((await doubling()).run(inputs as never)).rejects.toThrow(
        "a run takes an object with its inputs by name",
      );
    },
  );
});

class Two extends Module {
  readonly body = new Linear(2, 3);
  readonly head = new Linear(3, 1);

  constructor() {
    super();
    this.finish(initialValues(4));
  }
}

/** Losses and weights after steps with one optimiser for all, or one for each part, in either order. */
async function trained(parts: (net: Two) => Module[]) {
  const net = new Two();
  const graph = new Graph({ training: true });
  const y = net.head.forward(net.body.forward(graph.input("x", [1, 2])));
  const loss = sum(mul(y, add(y, y)));
  const adams = parts(net).map((part) => new Adam(slabsOf(part.parameters()), { lr: 0.1 }));
  const updates = adams.flatMap((adam, i) => adam.record(graph, loss, `adam${i}`).updates);
  const plan = await compile(gpu(), graph, { outputs: { loss }, updates });
  const losses: number[] = [];
  for (let i = 0; i < 4; i++) {
    const hyper = Object.fromEntries(adams.map((adam, k) => [`adam${k}`, adam.advance()]));
    losses.push((await plan.run({ x: Float32Array.of(1, -2), ...hyper })).loss[0]!);
  }
  return { losses, state: await net.stateDict(gpu()) };
}

test("two optimisers in one graph take the step that one would, in whatever order they were recorded", async () => {
  const one = await trained((net) => [net]);
  expect(new Set(one.losses).size).toBe(4);
  expect(await trained((net) => [net.body, net.head])).toEqual(one);
  expect(await trained((net) => [net.head, net.body])).toEqual(one);
});

test("a network that was changed on one device is not taken for it on another", async () => {
  const other = await openGpu();
  try {
    const net = new Two();
    const onOther = () => {
      const graph = new Graph();
      return compile(other, graph, { outputs: { y: net.body.forward(graph.input("x", [1, 2])) } });
    };
    const early = await onOther();
    const x = Float32Array.of(1, 2);
    await early.run({ x });
    writeVariable(gpu(), net.body.bias, Float32Array.of(1, 2, 3));
    const message = "body.bias was changed on another device and has no values on this one";
    await expect(early.run({ x })).rejects.toThrow(message);
    await expect(onOther()).rejects.toThrow(message);
    await expect(net.stateDict(other)).rejects.toThrow(message);
    net.loadStateDict(other, await net.stateDict(gpu()));
    const late = await onOther();
    expect(await early.run({ x })).toEqual(await late.run({ x }));
    expect([...(await readVariable(other, net.body.bias))]).toEqual([1, 2, 3]);
  } finally {
    other.destroy();
  }
});
