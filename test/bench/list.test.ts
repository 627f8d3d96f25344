import { describe, expect, test } from "vitest";
import { batched, convFlops, flopsOf, nameOf, operandsOf, type KernelCase } from "../../bench/kernels/case.ts";
import { convolutions, modelCases, trace } from "../../bench/kernels/model-cases.ts";
import { benchmarks, choose, choosePeers } from "../../bench/list.ts";
import { networkNames } from "../../bench/networks.ts";
import { Graph } from "../../src/graph/graph.ts";
import { MGANet, paperOptions } from "../../src/models/mganet/network.ts";

const width = 0.25;
const size = [64, 96] as const;
const cases = modelCases(width, size);
const named = (pattern: RegExp) => cases.filter((c) => pattern.test(nameOf(c)));

describe("the kernels of MGA-Net", () => {
  test("are read off its graph, all convolutions of it", () => {
    const graph = new Graph({ training: true });
    new MGANet({ ...paperOptions, width }).forward(graph.input("image", [2, ...size, 3]));
    const linear = graph.nodes.filter((node) => node.kernel.name === "conv2d" && node.inputs[0]!.shape.length === 2);
    const all = graph.nodes.reduce((sum, node) => sum + node.kernel.flops, 0);
    const ours = convolutions(trace(width, size, 2)).reduce((sum, s) => sum + convFlops(s), 0);
    expect(ours).toBe(all - linear.reduce((sum, node) => sum + node.kernel.flops, 0));
  });

  test("are each there once, in all passes that training needs", () => {
    const names = cases.map(nameOf);
    expect(new Set(names).size).toBe(names.length);
    const count = (pattern: RegExp) => named(pattern).length;
    const forward = count(/conv2d.*forward/);
    expect(forward).toBe(19);
    expect(count(/conv2d.*weightGrad/)).toBe(forward);
    // The image has no gradient.
    expect(count(/conv2d.*inputGrad/)).toBe(forward - 1);
    expect(named(/64x96x3-/).map(nameOf)).toEqual([
      "kernel/conv2d/64x96x3-16-7x7s2/forward",
      "kernel/conv2d/64x96x3-16-7x7s2/weightGrad",
    ]);
    expect(names).toContain("kernel/conv2d/16x24x48-16-3x3s1/inputGrad");
    expect(named(/batchNorm/).length).toBe(7);
    expect(named(/resize/).length).toBe(2 * 10);
    expect(named(/mga/).length).toBe(5);
    expect(named(/adam/).map(nameOf)).toEqual(["kernel/adam/width-0.25"]);
  });

  test("take a batch without another name", () => {
    for (const c of cases) {
      const three = batched(c, 3);
      expect(nameOf(three)).toBe(nameOf(c));
      expect(flopsOf(three)).toBe(3 * flopsOf(c));
      expect(Object.keys(operandsOf(three))).toEqual(Object.keys(operandsOf(c)));
    }
    const [conv] = named(/16x24x48-16-3x3s1\/weightGrad/) as [KernelCase];
    expect(operandsOf(batched(conv, 3))).toEqual({ x: [3, 16, 24, 48], dy: [3, 16, 24, 16] });
  });
});

describe("the list of benchmarks", () => {
  const quick = benchmarks(true);
  const all = benchmarks(false);

  test("has the quick ones of every group", () => {
    const names = quick.map(({ name }) => name);
    expect(names).toContain("step/quick");
    expect(names).toContain("inference/quick");
    expect(names.filter((name) => name.startsWith("kernel/")).length).toBe(7);
  });

  test("has a step of every network at full width, but not at first", () => {
    const full = all.map(({ name }) => name);
    const steps = full.filter((name) => name.startsWith("model/"));
    expect(steps).toEqual(networkNames.map((name) => `model/${name}`));
    expect(quick.some(({ name }) => name.startsWith("model/"))).toBe(false);
  });

  test("has the other networks, which a first impression does without", () => {
    const networks = ["vgg16_bn", "resnext50_32x4d", "resnext50-ungrouped", "vit_b_16"];
    const names = ["step", "inference"].flatMap((group) => networks.map((name) => `${group}/quick-${name}`));
    expect(choose(all, "quick-").map(({ name }) => name)).toEqual(names);
    expect(() => choose(quick, "quick-")).toThrow("--filter quick-: no benchmark is called so");
  });

  test("is narrowed by a filter, and a filter that matches nothing says what there is", () => {
    expect(choose(quick, "Norm").map(({ name }) => name)).toEqual(["kernel/batchNorm/56x56x64"]);
    expect(choose(quick, undefined)).toEqual(quick);
    expect(() => choose(quick, "nonsense")).toThrow(
      "--filter nonsense: no benchmark is called so; there are kernel/conv2d, kernel/batchNorm, kernel/resize, kernel/mga, " +
        "kernel/adam, step/quick, inference/quick",
    );
  });

  test("has peers by name", () => {
    expect(choosePeers(["jax-js", "tfjs-wasm"]).map(({ name }) => name)).toEqual(["jax-js", "tfjs-wasm"]);
    expect(choosePeers(undefined).length).toBe(3);
    expect(() => choosePeers(["torch"])).toThrow(
      "--peer torch: no peer is called so; there are tfjs-webgpu, jax-js, tfjs-wasm",
    );
  });
});
