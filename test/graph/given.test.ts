/** A run's inputs are checked by name, type, size and range before anything is uploaded; so are a plan's requested outputs. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { add, bceWithLogits, relu, scale, sum } from "../../src/autograd/elementwise.ts";
import { crossEntropy, diceLoss } from "../../src/autograd/losses.ts";
import { conv2d } from "../../src/autograd/conv2d.ts";
import { compile, PlanError, type CompileOptions } from "../../src/graph/compile.ts";
import { Graph } from "../../src/graph/graph.ts";
import type { HostArray } from "../../src/graph/plan.ts";
import { Variable, type Tensor } from "../../src/graph/tensor.ts";
import { Adam, slabsOf } from "../../src/optim/adam.ts";
import { Parameter } from "../../src/nn/module.ts";
import { useGpu } from "../support/gpu.ts";

const gpu = useGpu();
afterEach(() => vi.restoreAllMocks());

describe("inputs", () => {
  const record = () => {
    const graph = new Graph();
    const logits = scale(graph.input("logits", [4, 3]), 1);
    const target = graph.input("target", [4, 3]);
    const label = graph.input("label", [4], "u32");
    const loss = add(crossEntropy(logits, label), add(bceWithLogits(logits, target), diceLoss(logits, target)));
    return { graph, logits, loss };
  };
  const right = () => ({
    logits: new Float32Array(12).fill(0.5),
    target: new Float32Array(12).fill(1),
    label: Uint32Array.of(0, 1, 2, 0),
  });

  const wrong: [string, object, string][] = [
    ["misspelt", { lable: right().label }, "the graph has no input lable; its inputs: logits, target, label"],
    ["missing", { label: undefined }, "missing input label [4]"],
    ["null", { label: null }, "missing input label [4]"],
    ["too long", { label: new Uint32Array(5) }, "input label is [4], got 5 values"],
    ["too short", { logits: new Float32Array(11) }, "input logits is [4, 3], got 11 values"],
    ["detached", { logits: detached(12) }, "input logits is [4, 3], got 0 values"],
    ["Int32Array for f32", { logits: new Int32Array(12) }, "input logits holds f32, got an Int32Array: pass a Float32Array"], // prettier-ignore
    ["Uint8Array", { logits: new Uint8Array(12) }, "input logits holds f32, got a Uint8Array: pass a Float32Array"],
    ["Uint8Array of as many bytes", { logits: new Uint8Array(48) }, "input logits holds f32, got a Uint8Array"],
    ["Uint8ClampedArray", { logits: new Uint8ClampedArray(12) }, "input logits holds f32, got a Uint8ClampedArray"],
    ["Float64Array", { logits: new Float64Array(12) }, "input logits holds f32, got a Float64Array"],
    ["Uint32Array for f32", { logits: new Uint32Array(12) }, "input logits holds f32, got a Uint32Array"],
    ["plain numbers", { logits: new Array(12).fill(1) }, "input logits holds f32, got an Array"],
    ["a buffer", { logits: new ArrayBuffer(48) }, "input logits holds f32, got an ArrayBuffer"],
    ["a number", { logits: 1 }, "input logits holds f32, got a Number"],
    ["Int32Array for u32", { label: Int32Array.of(0, 1, -1, 0) }, "input label holds u32, got an Int32Array: pass a Uint32Array"], // prettier-ignore
    ["Float32Array for u32", { label: new Float32Array(4) }, "input label holds u32, got a Float32Array"],
    ["a class too many", { label: Uint32Array.of(0, 1, 3, 0) }, "input label: value 2 is 3; crossEntropy takes classes 0 to 2"], // prettier-ignore
    ["a negative class", { label: Uint32Array.from([0, -1, 0, 0]) }, "input label: value 1 is 4294967295"],
    ["a mask of bytes", { target: new Float32Array(12).fill(255) }, "input target: value 0 is 255; bceWithLogits takes values in [0, 1]"], // prettier-ignore
    ["a negative target", { target: new Float32Array(12).fill(-0.5, 7) }, "input target: value 7 is -0.5"],
  ];

  test.each(wrong)("%s: refused by name, and nothing is uploaded", async (_, change, message) => {
    const { graph, loss } = record();
    const plan = await compile(gpu(), graph, { outputs: { loss } });
    const written = vi.spyOn(gpu().device.queue, "writeBuffer");
    const submits = gpu().counters.submits;
    const inputs = { ...right(), ...change } as unknown as Record<string, HostArray>;
    await expect(plan.run(inputs)).rejects.toThrow(TypeError);
    await expect(plan.run(inputs)).rejects.toThrow(message);
    expect(written).not.toHaveBeenCalled();
    expect(gpu().counters.submits).toBe(submits);
    // The plan is none the worse.
    expect(Number.isFinite((await plan.run(right())).loss[0])).toBe(true);
    plan.destroy();
  });

  test("what is not finite is given on, since a step says so itself", async () => {
    const { graph, loss } = record();
    const plan = await compile(gpu(), graph, { outputs: { loss } });
    for (const name of ["logits", "target"]) {
      const { loss: value } = await plan.run({ ...right(), [name]: new Float32Array(12).fill(NaN) });
      expect(value[0]).toBeNaN();
    }
    plan.destroy();
  });

  test("an input of the graph that this plan does not need may be given or not, but not wrongly", async () => {
    const { graph, logits } = record();
    const plan = await compile(gpu(), graph, { outputs: { logits } });
    const expected = right().logits;
    expect((await plan.run({ logits: expected })).logits).toEqual(expected);
    expect((await plan.run(right())).logits).toEqual(expected);
    await expect(plan.run({ ...right(), label: Uint32Array.of(9, 9, 9, 9) })).rejects.toThrow(
      "input label: value 0 is 9",
    );
    plan.destroy();
  });
});

function detached(length: number): Float32Array {
  const values = new Float32Array(length);
  structuredClone(values.buffer, { transfer: [values.buffer] });
  return values;
}

describe("outputs", () => {
  test("an input, a variable, and one tensor under two names come back as they are", async () => {
    const graph = new Graph();
    const [x, unused] = [graph.input("x", [3]), graph.input("unused", [5])];
    const weight = new Variable("weight", [3], Float32Array.of(1, 2, 3));
    const y = add(x, weight);
    const outputs = { x, unused, weight, y, again: y };
    const given = { x: Float32Array.of(10, 20, 30), unused: Float32Array.of(1, 2, 3, 4, 5) };
    for (const frozen of [false, true]) {
      const plan = await compile(gpu(), graph, { outputs, frozen });
      const out = await plan.run(given);
      expect(out).toEqual({
        ...given,
        weight: Float32Array.of(1, 2, 3),
        y: Float32Array.of(11, 22, 33),
        again: Float32Array.of(11, 22, 33),
      });
      plan.destroy();
    }
  });

  test("nothing but an input and a variable", async () => {
    const graph = new Graph();
    const outputs = { x: graph.input("x", [2]), weight: new Variable("weight", [1], Float32Array.of(7)) };
    const plan = await compile(gpu(), graph, { outputs });
    const x = Float32Array.of(3, 4);
    expect(await plan.run({ x })).toEqual({ x, weight: Float32Array.of(7) });
    plan.destroy();
  });
});

describe("what cannot be meant is refused by compile", () => {
  const other = () => relu(new Graph().input("x", [2]));
  const adam = (graph: Graph) => {
    const parameter = new Parameter([2], "vector");
    parameter.name = "parameter";
    return new Adam(slabsOf([parameter])).record(graph, sum(add(graph.input("y", [2]), parameter))).updates;
  };
  const wrong: [string, (graph: Graph, y: Tensor) => CompileOptions, string][] = [
    ["nothing at all", () => ({}), "no outputs and no updates: the plan would do nothing"],
    ["empty lists", () => ({ outputs: {}, updates: [] }), "no outputs and no updates"],
    ["another graph's output", () => ({ outputs: { z: other() } }), "output z (relu) belongs to another graph"],
    ["another graph's input", () => ({ outputs: { z: new Graph().input("x", [2]) } }), "output z (input x) belongs to"],
    ["another graph's update", (_, y) => ({ outputs: { y }, updates: adam(new Graph()) }), "the update adam belongs to another graph"], // prettier-ignore
    ["no tensor", () => ({ outputs: { z: undefined as unknown as Tensor } }), "output z is undefined, not a tensor"],
    ["u32", (graph) => ({ outputs: { z: graph.input("label", [2], "u32") } }), "output z (input label) holds u32; a run returns f32 only"], // prettier-ignore
    ["updates left out", (graph, y) => (adam(graph), { outputs: { y } }), "the graph records updates (adam) that would not be run"], // prettier-ignore
    ["frozen updates", (graph) => ({ updates: adam(graph), frozen: true }), "a frozen plan keeps its variables as they are"], // prettier-ignore
  ];
  test.each(wrong)("%s", async (_, options, message) => {
    const graph = new Graph();
    const y = relu(graph.input("x", [2]));
    const compiled = compile(gpu(), graph, options(graph, y));
    await expect(compiled).rejects.toThrow(PlanError);
    await expect(compiled).rejects.toThrow(`compile: ${message}`);
  });

  test("a frozen plan of a training graph", async () => {
    const graph = new Graph({ training: true });
    const y = relu(graph.input("x", [2]));
    await expect(compile(gpu(), graph, { outputs: { y }, frozen: true })).rejects.toThrow(
      "compile: a frozen plan is for inference, and this graph was recorded for training; record a new one",
    );
  });
});

test("operands of another graph are found in whatever place they stand", () => {
  const [graph, other] = [new Graph(), new Graph()];
  const [x, weight] = [graph.input("x", [1, 4, 4, 3]), graph.input("weight", [1, 1, 3, 8])];
  expect(() => conv2d(x, weight, other.input("bias", [8]))).toThrow(
    "conv2d: the operands of an op belong to different graphs: input bias belongs to another graph",
  );
});
