/** Packed tensors, slabs and variables on the device. */
import { describe, expect, test } from "vitest";
import { add, scale } from "../../src/autograd/elementwise.ts";
import { compile } from "../../src/graph/compile.ts";
import { requireFit } from "../../src/graph/preview.ts";
import { Graph } from "../../src/graph/graph.ts";
import {
  bytesOnDevice,
  readVariable,
  regionOf,
  releaseVariables,
  Slab,
  writeVariable,
} from "../../src/graph/storage.ts";
import { Variable } from "../../src/graph/tensor.ts";
import { useGpu } from "../support/gpu.ts";

const gpu = useGpu();
const count = (n: number, from = 0) => Float32Array.from({ length: n }, (_, i) => from + i);

describe("Graph.pack", () => {
  test("lays parts out at their offsets, computed, given, constant, packed already, or twice the same", async () => {
    const graph = new Graph();
    const given = graph.input("given", [3]);
    const computed = scale(given, 2);
    const variable = new Variable("variable", [5], count(5, 10));
    const packed = graph.pack([computed, given, variable], [0, 64, 192], 256);
    const again = graph.pack([computed, computed], [64, 0], 128);
    const both = scale(given, 3);
    const alike = graph.pack([both, both], [64, 0], 128);
    const plan = await compile(gpu(), graph, { outputs: { packed, again, alike, computed } });
    const out = await plan.run({ given: Float32Array.of(1, 2, 3) });
    const { packed: flat, again: twice } = out;
    expect(flat.length).toBe(256);
    expect([...flat.subarray(0, 3)]).toEqual([2, 4, 6]);
    expect([...flat.subarray(64, 67)]).toEqual([1, 2, 3]);
    expect([...flat.subarray(192, 197)]).toEqual([10, 11, 12, 13, 14]);
    expect([...twice.subarray(0, 3), ...twice.subarray(64, 67)]).toEqual([2, 4, 6, 2, 4, 6]);
    const { alike: same } = out;
    expect([...same.subarray(0, 3), ...same.subarray(64, 67)]).toEqual([3, 6, 9, 3, 6, 9]);
    // A part is still a tensor of its own, and others may read it.
    expect([...out["computed"]]).toEqual([2, 4, 6]);
    plan.destroy();
    releaseVariables(gpu(), [variable]);
  });

  test("parts stay as they were while later nodes run", async () => {
    const graph = new Graph();
    const x = graph.input("x", [1000]);
    const parts = [scale(x, 2), scale(x, 3)];
    const packed = graph.pack(parts, [0, 1024], 2048);
    let y = x;
    for (let i = 0; i < 10; i++) y = add(scale(y, 0.5), parts[i % 2]!);
    const plan = await compile(gpu(), graph, { outputs: { y, packed } });
    const { packed: flat } = await plan.run({ x: count(1000) });
    expect(flat.subarray(0, 1000)).toEqual(count(1000).map((v) => 2 * v));
    expect(flat.subarray(1024, 2024)).toEqual(count(1000).map((v) => 3 * v));
    plan.destroy();
  });

  test("refuses offsets that are misaligned or out of range", () => {
    const pack = (offset: number, floats: number) => () => {
      const graph = new Graph();
      graph.pack([scale(graph.input("x", [4]), 2)], [offset], floats);
    };
    expect(pack(1, 64)).toThrow(/pack: offset 4 of scale is misaligned or out of range/);
    expect(pack(64, 64)).toThrow(RangeError);
    expect(pack(0, 3)).toThrow(RangeError);
    expect(pack(0, 4)).not.toThrow();
  });
});

describe("Slab", () => {
  test("has ranges of neighbours that share their values, and go when all of them are released", async () => {
    const [a, b, c] = [3, 65, 4].map((n, i) => new Variable("abc"[i]!, [n], count(n, 10 * i))) as [
      Variable,
      Variable,
      Variable,
    ];
    const slab = new Slab([a, b, c]);
    const range = slab.range(1, 2);
    expect(range.shape).toEqual([192]);
    expect(slab.range(1, 2)).toBe(range);
    expect(slab.range(0, 3)).toBe(slab.flat);
    expect(slab.wholes).toEqual([slab.flat, range]);
    expect([slab.within(range), slab.within(slab.flat)]).toEqual([
      [b, c],
      [a, b, c],
    ]);
    const values = await readVariable(gpu(), range);
    expect([values[0], values[64], values[128], values[131]]).toEqual([10, 74, 20, 23]);
    expect(bytesOnDevice([a, b, c, range])).toBe(4 * (3 + 192));
    expect(bytesOnDevice([a, b, range, slab.flat])).toBe(4 * 256);
    writeVariable(gpu(), range, new Float32Array(192).fill(5));
    expect([...(await readVariable(gpu(), c))]).toEqual([5, 5, 5, 5]);
    releaseVariables(gpu(), [range]);
    expect([...(await readVariable(gpu(), c))]).toEqual([20, 21, 22, 23]);
    const graph = new Graph();
    const plan = await compile(gpu(), graph, { outputs: { y: add(graph.input("x", [192]), range) } });
    releaseVariables(gpu(), [a, range]);
    await expect(plan.run({ x: count(192) })).rejects.toThrow("was released after the plan was compiled");
    expect((await readVariable(gpu(), range))[0]).toBe(10);
  });

  test("puts variables behind each other, aligned, and keeps their initial values", async () => {
    const [a, b, c] = [
      new Variable("a", [3], count(3, 1)),
      new Variable("b", [65]),
      new Variable("c", [2, 2], count(4, 7)),
    ];
    const slab = new Slab([a, b, c]);
    expect(slab.offsets).toEqual([0, 64, 192]);
    expect(slab.floats).toBe(256);
    const regions = [a, b, c].map((v) => regionOf(gpu(), v));
    expect(new Set(regions.map((r) => r.buffer)).size).toBe(1);
    expect(regions.map((r) => r.offset)).toEqual([0, 256, 768]);
    expect([...(await readVariable(gpu(), a))]).toEqual([1, 2, 3]);
    expect((await readVariable(gpu(), b)).every((v) => v === 0)).toBe(true);
    writeVariable(gpu(), b, count(65));
    const flat = await readVariable(gpu(), slab.flat);
    expect(flat.subarray(64, 129)).toEqual(count(65));
    expect([...flat.subarray(192, 196)]).toEqual([7, 8, 9, 10]);
    expect([...(await readVariable(gpu(), a)), ...(await readVariable(gpu(), c))]).toEqual([1, 2, 3, 7, 8, 9, 10]);
  });

  test("counts once in the memory of a plan, however its variables are used", async () => {
    const variables = [new Variable("a", [5], count(5)), new Variable("b", [64], count(64))] as const;
    const slab = new Slab(variables);
    const apart = new Variable("apart", [slab.floats]);
    const graph = new Graph();
    const outputs = { a: add(graph.input("x", [5]), variables[0]), whole: add(apart, graph.input("y", [slab.floats])) };
    const all = { ...outputs, flat: add(slab.flat, outputs.whole) };
    const needed = requireFit(gpu(), graph, { outputs: all });
    // The result in addition, and the slab in place of the variable.
    expect(needed - requireFit(gpu(), graph, { outputs })).toBe(2 * slab.flat.bytes - variables[0].bytes);
    const plan = await compile(gpu(), graph, { outputs: all });
    expect(plan.summary.variableBytes).toBe(slab.flat.bytes + apart.bytes);
    plan.destroy();
    releaseVariables(gpu(), [slab.flat, apart]);
  });

  test("does not take a variable that another slab has", () => {
    const variable = new Variable("weight", [4]);
    new Slab([variable]);
    expect(() => new Slab([variable])).toThrow("variable weight already belongs to a slab");
  });
});

describe("variables", () => {
  test("take values of their own size only", () => {
    const variable = new Variable("weight", [2, 3]);
    expect(() => writeVariable(gpu(), variable, new Float32Array(5))).toThrow("weight has 6 elements, got 5");
    expect(() => new Variable("bias", [4], new Float32Array(3))).toThrow("bias has 4 elements, but 3 initial values");
  });

  test("begin with their initial values again once released", async () => {
    const variable = new Variable("weight", [4], count(4));
    writeVariable(gpu(), variable, count(4, 100));
    expect([...(await readVariable(gpu(), variable))]).toEqual([100, 101, 102, 103]);
    releaseVariables(gpu(), [variable, variable]);
    expect([...(await readVariable(gpu(), variable))]).toEqual([0, 1, 2, 3]);
    releaseVariables(gpu(), [variable]);
  });
});

test("a run lacks nothing that the plan needs", async () => {
  const graph = new Graph();
  const x = graph.input("x", [4]);
  const plan = await compile(gpu(), graph, { outputs: { y: scale(x, 2) } });
  await expect(plan.run({})).rejects.toThrow("missing input x [4]");
  await expect(plan.run({ x: new Float32Array(3) })).rejects.toThrow("input x is [4], got 3 values");
  await expect(plan.run({ x: new Uint32Array(4) })).rejects.toThrow("input x holds f32, got a Uint32Array");
  await expect(plan.run({ x: count(4), more: count(1) })).rejects.toThrow("the graph has no input more; its inputs: x");
  expect([...(await plan.run({ x: count(4) }))["y"]]).toEqual([0, 2, 4, 6]);
  plan.destroy();
});
