/** Profiles: what is timed, what stays unchanged, how it is summed up, and the trace. */
import { describe, expect, test } from "vitest";
import { relu, scale, sum } from "../../src/autograd/elementwise.ts";
import { gradients } from "../../src/autograd/gradients.ts";
import { conv2d } from "../../src/autograd/conv2d.ts";
import { byKernel, byLayer, isBackward, modulePath, total } from "../../src/graph/breakdown.ts";
import { compile } from "../../src/graph/compile.ts";
import { Graph } from "../../src/graph/graph.ts";
import { profilePlan, type NodeProfile } from "../../src/graph/profile.ts";
import { readVariable, Slab } from "../../src/graph/storage.ts";
import { Variable } from "../../src/graph/tensor.ts";
import { chromeTrace } from "../../src/graph/trace.ts";
import { adamKernel } from "../../src/kernels/adam.ts";
import { useGpu } from "../support/gpu.ts";
import { expectTrace } from "../support/trace.ts";

const ones = (n: number) => new Float32Array(n).fill(1);

/** A step that trains one convolution of a network of two modules, by Adam in place. */
function step() {
  const weight = new Variable("weight", [3, 3, 4, 4], ones(144));
  const slab = new Slab([weight]);
  const [m, v] = ["m", "v"].map((name) => new Variable(name, [slab.floats], new Float32Array(slab.floats).fill(0.5)));
  const graph = new Graph({ training: true });
  const x = graph.input("x", [2, 16, 16, 4]);
  const y = graph.scope("net.body.0", () => conv2d(x, weight, undefined, { padding: 1 }));
  const loss = sum(graph.scope("net.head", () => scale(relu(y), 0.1)));
  const [gradient] = gradients(loss, [weight]);
  const packed = graph.pack([gradient!], slab.offsets, slab.floats);
  const adam = adamKernel(slab.floats, { beta1: 0.9, beta2: 0.99, eps: 1e-8 });
  graph.record(adam, [packed, graph.input("adam", [2]), loss], { updates: [slab.flat, m!, v!] });
  return { graph, variables: [weight, m!, v!], options: { outputs: { loss }, updates: [graph.nodes.at(-1)!] } };
}
const inputs = { x: ones(2 * 256 * 4), adam: Float32Array.of(0.1, 1) };

describe.each([
  ["by timestamps", useGpu()],
  ["by submits", useGpu({ without: ["timestamp-query"] })],
])("a profile %s", (_, gpu) => {
  test("times every node and leaves variables as they were", async () => {
    const { graph, variables, options } = step();
    const plan = await compile(gpu(), graph, options);
    await plan.run(inputs);
    const state = () => Promise.all(variables.map((v) => readVariable(gpu(), v)));
    const before = await state();
    const nodes = await profilePlan(gpu(), plan, inputs, 3);
    expect(await state()).toEqual(before);
    expect(before[0]).not.toEqual(ones(144)); // The step does change them.
    await plan.run(inputs);
    expect(await state()).not.toEqual(before);
    plan.destroy();

    expect(nodes.map(({ node }) => node)).toEqual([...new Set(plan.steps.map(({ node }) => node))]);
    expect(nodes.reduce((sum, { dispatches }) => sum + dispatches, 0)).toBe(plan.steps.length);
    let last = 0;
    for (const { ms, begin, end, bytes } of nodes) {
      expect(ms).toBeGreaterThan(0);
      expect(begin).toBeGreaterThanOrEqual(last - 1e-3);
      expect(end).toBeGreaterThanOrEqual(begin);
      expect(bytes).toBeGreaterThan(0);
      last = end;
    }
    const forward = nodes.find(({ node }) => node.kernel.name === "conv2d")!;
    expect(forward).toMatchObject({ layer: "net.body.0", flops: 2 * 2 * 256 * 9 * 16 });
    expect(nodes.some(({ kernel, layer }) => /^conv2d\.weightGrad\//.test(kernel) && layer === "net.body.0'")).toBe(
      true,
    );
  });
});

/** Made-up profiles: kernel, layer, milliseconds, FLOPs; one after the other. */
function profileOf(...rows: [kernel: string, layer: string, ms: number, flops?: number][]): NodeProfile[] {
  let now = 0;
  return rows.map(([kernel, layer, ms, flops = 0]) => {
    const begin = now;
    now += ms;
    const tensor = { shape: [2, 3] };
    const node = { inputs: [tensor, tensor], outputs: [tensor], kernel: { name: kernel } } as never;
    return { node, kernel, layer, ms, dispatches: 1, begin, end: now, flops, bytes: 1000 };
  });
}
const profile = profileOf(
  ["conv/a", "net.body.0.conv1", 4, 100],
  ["bn/a", "net.body.0.bn1", 1],
  ["conv/a", "net.body.1.conv1", 3, 100],
  ["conv/b", "net.head", 2, 50],
  ["loss/a", "", 1],
  ["conv.grad/a", "net.head'", 3, 50],
  ["conv.grad/a", "net.body.1.conv1'", 5, 100],
  ["bn/a", "net.body.0.bn1'", 1],
  ["adam/a", "", 2],
);

describe("a breakdown", () => {
  test("by kernel sums up, the longest first; rates are over the kernels that count operations", () => {
    const kernels = byKernel(profile);
    expect(kernels.map(({ name, calls, ms }) => [name, calls, ms])).toEqual([
      ["conv.grad/a", 2, 8],
      ["conv/a", 2, 7],
      ["bn/a", 2, 2],
      ["conv/b", 1, 2],
      ["adam/a", 1, 2],
      ["loss/a", 1, 1],
    ]);
    expect(total("all", profile)).toEqual({
      name: "all",
      calls: 9,
      ms: 22,
      backwardMs: 9,
      flops: 400,
      flopsMs: 17,
      bytes: 9000,
    });
  });

  test("by layer divides where the time is, as far as the rows allow, and loses nothing", () => {
    const rows = (most: number) => byLayer(profile, most).map(({ name, ms, backwardMs }) => [name, ms, backwardMs]);
    expect(rows(2)).toEqual([
      ["net", 19, 9],
      ["", 3, 0],
    ]);
    expect(rows(3)).toEqual([
      ["net.body", 14, 6],
      ["net.head", 5, 3],
      ["", 3, 0],
    ]);
    expect(rows(4)[0]).toEqual(["net.body.1.conv1", 8, 5]);
    expect(rows(100).map(([name]) => name)).toEqual([
      "net.body.1.conv1",
      "net.head",
      "net.body.0.conv1",
      "",
      "net.body.0.bn1",
    ]);
    for (const most of [1, 2, 3, 4, 5, 100]) {
      const ms = byLayer(profile, most).reduce((sum, row) => sum + row.ms, 0);
      expect([most, ms, byLayer(profile, most).length <= Math.max(most, 1)]).toEqual([most, 22, true]);
    }
    expect(byLayer([], 5)).toEqual([]);
  });

  test("knows modules and the backward pass by the layer's path", () => {
    expect(modulePath("a.b.0'")).toEqual(["a", "b", "0"]);
    expect([modulePath(""), modulePath("'")]).toEqual([[], []]);
    expect([isBackward("a'"), isBackward("'"), isBackward("a"), isBackward("")]).toEqual([true, true, false, false]);
  });
});

describe("a trace", () => {
  test("has each plan as a process, its kernels and its modules as tracks", () => {
    const trace = chromeTrace([
      { name: "first", nodes: profile },
      { name: "second", nodes: profile.slice(0, 2) },
    ]);
    const text = JSON.stringify(trace);
    expectTrace(JSON.parse(text) as typeof trace);
    const of = (pid: number, tid: number) =>
      trace.traceEvents.filter((e) => e.ph === "X" && e.pid === pid && e.tid === tid);
    expect(
      of(1, 1)
        .map(({ name, ts, dur, cat }) => [name, ts, dur, cat])
        .slice(3, 6),
    ).toEqual([
      ["conv/b", 8000, 2000, "forward"],
      ["loss/a", 10000, 1000, "forward"],
      ["conv.grad/a", 11000, 3000, "backward"],
    ]);
    expect(of(1, 1)[0]!.args).toMatchObject({ layer: "net.body.0.conv1", inputs: "[2, 3] [2, 3]", dispatches: 1 });
    const modules = of(1, 2).map(({ name, ts, dur }) => `${name} ${ts! / 1000}+${dur! / 1000}`);
    expect([...modules].sort()).toEqual(
      [
        ...["net 0+10", "body 0+8", "0 0+5", "conv1 0+4", "bn1 4+1", "1 5+3", "conv1 5+3", "head 8+2"],
        ...["backward 11+9", "net 11+9", "head 11+3", "body 14+6", "1 14+5", "conv1 14+5", "0 19+1", "bn1 19+1"],
      ].sort(),
    );
    expect(of(2, 1).length).toBe(2);
  });

  test("keeps slices apart where the clock lets them overlap", () => {
    const overlapping = profile.map((node) => ({ ...node, end: node.end + 0.5 }));
    expectTrace(chromeTrace([{ name: "x", nodes: overlapping }]));
    const back = profile.map((node, i) => (i === 4 ? { ...node, begin: 0, end: 0 } : node));
    expectTrace(chromeTrace([{ name: "x", nodes: back }]));
  });
});
