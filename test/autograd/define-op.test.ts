/** Ops that a user defines: swish and a 1-D FIR filter, checked, trained, and what is said of wrong ones. */
import { describe, expect, test } from "vitest";
import { div, mul } from "../../src/autograd/arithmetic.ts";
import { sum } from "../../src/autograd/elementwise.ts";
import { log } from "../../src/autograd/math.ts";
import { defineOp, type OpDefinition } from "../../src/autograd/define-op.ts";
import { checkOp, gradcheck } from "../../src/autograd/gradcheck.ts";
import { gradients } from "../../src/autograd/gradients.ts";
import { mseLoss } from "../../src/autograd/regression.ts";
import { compile } from "../../src/graph/compile.ts";
import { Graph } from "../../src/graph/graph.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { Linear } from "../../src/nn/layers.ts";
import { Module, Parameter } from "../../src/nn/module.ts";
import { Adam, slabsOf } from "../../src/optim/adam.ts";
import { useGpu } from "../support/gpu.ts";

const gpu = useGpu();

const swishGrad = defineOp({
  name: "swish.grad",
  inputs: { dy: "f32", x: "f32" },
  outputs: { dx: (dy) => dy },
  functions: "fn logistic(x: f32) -> f32 { return 1.0 / (1.0 + exp(-x)); }",
  wgsl: "let s = logistic(x[i]); dx[i] = dy[i] * s * (1.0 + x[i] * (1.0 - s));",
});
const swish = defineOp({
  name: "swish",
  inputs: { x: "f32" },
  outputs: { y: (x) => x },
  wgsl: "y[i] = x[i] / (1.0 + exp(-x[i]));",
  gradient: ([dy], [x]) => [swishGrad(dy!, x!)],
});

/** y[n,t] = sum over k of h[k] x[n,t-k], x before its begin being 0. */
const sizes = ([, t]: readonly number[], [k]: readonly number[]) => ({ length: t!, taps: k! });
const firInputGrad = defineOp({
  name: "fir.inputGrad",
  inputs: { dy: "f32", h: "f32" },
  outputs: { dx: (dy) => dy },
  uniform: (dy, h) => sizes(dy, h),
  wgsl: `
  let t = i % p.length;
  var total = 0.0;
  for (var k = 0u; k < p.taps; k++) { if (t + k < p.length) { total += h[k] * dy[i + k]; } }
  dx[i] = total;`,
});
const firTapsGrad = (taps: number) =>
  defineOp({
    name: "fir.tapsGrad",
    inputs: { dy: "f32", x: "f32" },
    outputs: { dh: () => [taps] },
    uniform: (dy) => ({ length: dy[1]!, samples: dy[0]! }),
    // A whole shader: one workgroup, one thread for each tap.
    workgroups: () => [1, 1, 1],
    wgsl: `
@group(0) @binding(0) var<storage, read_write> dy: array<f32>;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> dh: array<f32>;
struct Sizes { length: u32, samples: u32 }
@group(0) @binding(3) var<uniform> sizes: Sizes;
@compute @workgroup_size(${taps})
fn main(@builtin(local_invocation_index) k: u32) {
  var total = 0.0;
  for (var n = 0u; n < sizes.samples; n++) {
    for (var t = k; t < sizes.length; t++) { total += dy[n * sizes.length + t] * x[n * sizes.length + t - k]; }
  }
  dh[k] = total;
}`,
  });
const fir = defineOp({
  name: "fir",
  inputs: { x: "f32", h: "f32" },
  outputs: { y: (x) => x },
  uniform: (x, h) => sizes(x, h),
  check: (x, h) => (x.length === 2 && h.length === 1 ? undefined : `x and h are [${x.join(", ")}] and [${h.join(", ")}], expected [N, T] and [K]`), // prettier-ignore
  wgsl: `
  let t = i % p.length;
  var total = 0.0;
  for (var k = 0u; k < min(p.taps, t + 1u); k++) { total += h[k] * x[i - k]; }
  y[i] = total;`,
  gradient: ([dy], [x, h]) => [firInputGrad(dy!, h!), firTapsGrad(h!.size)(dy!, x!)],
});

const swishReference = (x: Float64Array) => x.map((v) => v / (1 + Math.exp(-v)));
const firReference = (length: number) => (x: Float64Array, h: Float64Array) =>
  x.map((_, i) => h.reduce((total, tap, k) => total + ((i % length) - k >= 0 ? tap * x[i - k]! : 0), 0));

describe("checkOp", () => {
  test("swish agrees with its reference at odd sizes, for one element, and over several workgroups", async () => {
    const cases = { one: [[1]], odd: [[3, 7]], several: [[2, 5, 13, 3]] };
    const checked = await checkOp(gpu(), swish, cases, { reference: swishReference });
    expect(checked).toHaveLength(3 * 4);
    const without = await checkOp(gpu(), swish, cases);
    expect(without.filter(({ what }) => what.endsWith("values"))).toEqual([]);
  });

  test("so does a filter of two operands", async () => {
    const checked = await checkOp(gpu(), fir, { odd: [[3, 13], [5]] }, { reference: firReference(13) });
    expect(checked.map(({ what }) => what)).toContain("odd: gradient of operand 1");
    await checkOp(gpu(), fir, { "more taps than values": [[2, 3], [7]] }, { reference: firReference(3) });
  });

  test("finds wrong values, a wrong gradient with a reference or without, and names op and case", async () => {
    const wrong = defineOp({ ...swish.definition, gradient: ([dy]) => [dy] });
    await expect(checkOp(gpu(), wrong, { odd: [[3, 7]] }, { reference: swishReference })).rejects.toThrow(
      /^swish, case odd: gradient of operand 0 is off by .*, more than 0.00005$/,
    );
    await expect(checkOp(gpu(), wrong, { odd: [[3, 7]] })).rejects.toThrow("more than 0.02");
    await expect(checkOp(gpu(), swish, { odd: [[3, 7]] }, { reference: (x) => x })).rejects.toThrow("values is off by");
    await expect(checkOp(gpu(), swish, {})).rejects.toThrow("swish: there are no cases to check");
    await expect(gradcheck(gpu(), () => sum(mul(new Linear(2, 3).finish(0).weight, 2)), [])).rejects.toThrow(
      "gradcheck: there is nothing to differentiate by: pass what the function depends on as operands of f32, parameters too",
    );
    await gradcheck(gpu(), (x) => sum(swish(x)), [[5]], {
      reference: (x) => [swishReference(x).reduce((a, b) => a + b)],
    });
  });
});

describe("operands of a function that is not defined everywhere", () => {
  const root = defineOp({
    name: "root",
    inputs: { x: "f32" },
    outputs: { y: (x) => x },
    wgsl: "y[i] = sqrt(x[i]);",
    gradient: ([dy], _, [y]) => [div(mul(dy!, 0.5), y!)],
  });
  const reference = (x: Float64Array) => x.map(Math.sqrt);

  test("lie in the range that is given for all, or for one", async () => {
    const cases = { one: [[1]], odd: [[3, 7]], several: [[2, 5, 13, 3]] };
    await expect(checkOp(gpu(), root, cases, { reference })).rejects.toThrow(
      "root, case odd: the reference is NaN where it was computed: say where the operands may lie, as in { range: [0, 4] }",
    );
    await expect(checkOp(gpu(), root, cases)).rejects.toThrow(
      "root, case odd: the function is NaN where it was computed",
    );
    expect(await checkOp(gpu(), root, cases, { reference, range: [0, 4] })).toHaveLength(3 * 4);
    expect(await checkOp(gpu(), root, cases, { range: [0.5, 4] })).toHaveLength(3 * 3);
    const seen: number[][] = [];
    const power = (x: Float64Array, y: Float64Array) => {
      seen.push([...x], [...y]);
      return x.map((v, i) => v * Math.log(y[i]!));
    };
    const f = (x: Tensor, y: Tensor) => mul(x, log(y));
    await gradcheck(gpu(), f, [[4, 5], { shape: [4, 5], range: [1, 3] }], { reference: power });
    const [x, y] = seen as [number[], number[]];
    expect([Math.min(...x) < -0.5, Math.max(...x) > 0.5]).toEqual([true, true]);
    expect(Math.min(...y)).toBeGreaterThanOrEqual(1.1);
    expect(Math.max(...y)).toBeLessThanOrEqual(2.9);
    expect(Math.max(...y) - Math.min(...y)).toBeGreaterThan(1.5);
  });

  test.each<[object, object, string]>([
    [[3], { range: [1, 1] }, "gradcheck: operand 0: a range is two numbers, [least, greatest], got [1, 1]"],
    [[3], { range: 2 }, "a range is two numbers, [least, greatest], got a Number"],
    [{ shape: [3], range: [0, NaN] }, {}, "a range is two numbers, [least, greatest], got [0, NaN]"],
    [
      { shape: [1], values: Float32Array.of(1), range: [0, 2] },
      {},
      "operand 0: has values, which a range does not change",
    ],
    [{ shape: [3], positive: true }, {}, "gradcheck: operand 0: unknown option positive"],
    [{ range: [0, 1] }, {}, "gradcheck: operand 0: a shape is an array of sizes, got undefined"],
    [[3], { positive: true }, "gradcheck: unknown option positive"],
  ])("a range that cannot be is refused: %j %j", async (operand, options, message) => {
    await expect(gradcheck(gpu(), root, [operand as never], options)).rejects.toThrow(message);
  });
});

test("a network with ops of one's own learns: a filter's taps are found from what it does to noise", async () => {
  class Filter extends Module {
    readonly taps = new Parameter([5], "vector");
  }
  const net = new Filter();
  net.finish(0);
  const taps = [0.5, -0.25, 0.125, 0, 1];
  const graph = new Graph({ training: true });
  const loss = mseLoss(swish(fir(graph.input("x", [7, 33]), net.taps)), graph.input("target", [7, 33]));
  const adam = new Adam(slabsOf(net.parameters()), { lr: 0.05 });
  const step = await compile(gpu(), graph, { outputs: { loss }, updates: adam.record(graph, loss).updates });
  const x = Float32Array.from({ length: 7 * 33 }, (_, i) => Math.sin(12.9898 * i * i));
  const target = Float32Array.from(swishReference(firReference(33)(Float64Array.from(x), Float64Array.from(taps))));
  for (let i = 0; i < 300; i++) await step.run({ x, target, adam: adam.advance() });
  const { data } = (await net.stateDict(gpu())).get("taps")!;
  for (const [k, tap] of taps.entries()) expect(data[k]).toBeCloseTo(tap, 2);
});

test("several results: all of them, with gradients of zero where the loss does not depend on one", async () => {
  const both = defineOp({
    name: "both",
    inputs: { x: "f32" },
    outputs: { double: (x) => x, index: (x) => ({ shape: x, dtype: "u32" }), square: (x) => x },
    uniform: () => ({ factor: { f32: 2 } }),
    wgsl: "double[i] = p.factor * x[i]; index[i] = i; square[i] = x[i] * x[i];",
    gradient: ([, , dsquare], [x]) => [swishGrad(dsquare!, x!)],
  });
  const graph = new Graph();
  const x = graph.input("x", [3]);
  const [double, index, square] = both.all(x);
  expect([double!.shape, index!.dtype, square!.shape]).toEqual([[3], "u32", [3]]);
  const [dx] = gradients(sum(double!), [x]);
  const plan = await compile(gpu(), graph, { outputs: { double: double!, square: square!, dx: dx! } });
  const out = await plan.run({ x: Float32Array.of(1, -2, 3) });
  // 0 may have a sign.
  expect([out["double"], out["square"], out["dx"]].map((values) => [...values].map((v) => v + 0))).toEqual([[2, -4, 6], [1, 4, 9], [0, 0, 0]]); // prettier-ignore
});

describe("what is wrong is said", () => {
  const define = (changes: Partial<Record<keyof OpDefinition, unknown>>) =>
    defineOp({
      name: "mine",
      inputs: { x: "f32" },
      outputs: { y: (x) => x },
      wgsl: "y[i] = x[i];",
      ...changes,
    } as OpDefinition);
  const x = (graph = new Graph()) => graph.input("x", [2, 3]);

  test("in a definition", () => {
    expect(() => define({ grad: 1 } as never)).toThrow("defineOp: unknown option grad");
    expect(() => define({ name: "" })).toThrow("defineOp: the name must be a string");
    expect(() => define({ inputs: { p: "f32" } })).toThrow("mine: an operand cannot be called p");
    expect(() => define({ inputs: { y: "f32" } })).toThrow("mine: two operands are called y");
    expect(() => define({ inputs: { x: "f16" } })).toThrow("mine: unknown type f16");
    expect(() => define({ wgsl: "@compute fn main() {}" })).toThrow("mine: a whole shader needs workgroups");
    const bound = "@group(0) @binding(0) var<storage, read> x: array<f32>;\n@compute @workgroup_size(1) fn main() {}";
    expect(() => define({ wgsl: bound, workgroups: () => [1, 1, 1] })).toThrow(
      "mine: the shader must bind x at 0, y at 1, in group 0, each var<storage, read_write>; it binds 0 as storage,read",
    );
  });

  test("in a call", () => {
    const graph = new Graph();
    expect(() => define({})(x(graph), graph.input("z", [1]))).toThrow("mine: takes x; got 2 operands");
    expect(() => define({})(graph.input("u", [2], "u32"))).toThrow("mine: x holds u32, expected f32");
    expect(() => define({ check: () => "x is too short" })(x())).toThrow("mine: x is too short");
    expect(() => define({ uniform: () => ({ n: -1 }) })(x())).toThrow(
      "mine: n must be a u32 or { f32: number }, got -1",
    );
    expect(() => define({ outputs: { y: () => [0] } })(x())).toThrow("mine: y: [0] is not a shape");
    expect(() => define({ threads: () => 0.5 })(x())).toThrow("mine: threads must be a whole number above 0, got 0.5");
    expect(() => fir(x(), new Graph().input("h", [2, 2]))).toThrow(
      "fir: x and h are [2, 3] and [2, 2], expected [N, T] and [K]",
    );
  });

  test("in a gradient, and where there is none", () => {
    const loss = (changes: object) => {
      const graph = new Graph();
      const given = x(graph);
      return () => gradients(sum(define(changes)(given)), [given]);
    };
    expect(loss({})).toThrow("mine has no gradient");
    expect(loss({ gradient: () => 3 })).toThrow("mine: its gradient returned a Number, not an array");
    expect(loss({ gradient: () => [3] })).toThrow("mine: the gradient of x is a Number, not a tensor");
    expect(loss({ gradient: ([dy]: [never]) => [sum(dy)] })).toThrow("mine: the gradient of x is [1], and x is [2, 3]");
  });

  const FIRST = "shader mine does not compile: ";
  const functions = "fn half(x: f32) -> f32 {\n  return x / 2u;\n}";
  const whole = [
    ...["@group(0) @binding(0) var<storage, read_write> x: array<f32>;"],
    ...["@group(0) @binding(1) var<storage, read_write> y: array<f32>;"],
    ...["@compute @workgroup_size(1)", "fn main() {", "  y[0] = x[0] + 1u;", "}"],
  ].join("\n");
  test.each<[string, Partial<OpDefinition>, string, string]>([
    [
      "a statement",
      { wgsl: "let a = 1.0;\n  y[i] = a * unknown(x[i]);" },
      "wgsl, line 2, column 14: unresolved call target 'unknown'",
      "  y[i] = a * unknown(x[i]);",
    ],
    ["a type", { wgsl: "y[i] = i;" }, "wgsl, line 1, column 6: cannot assign 'u32' to 'f32'", "y[i] = i;"],
    [
      "an end",
      { wgsl: "let a = x[i];\ny[i] = a" },
      "wgsl, after its last line: expected ';' for assignment statement",
      "}",
    ],
    [
      "a function",
      { wgsl: "y[i] = half(x[i]);", functions },
      "functions, line 2, column 10: no matching overload for 'operator / (f32, u32)'",
      "  return x / 2u;",
    ],
    [
      "a function's end",
      { wgsl: "y[i] = half(x[i]);", functions: "fn half(x: f32) -> f32 { return x" },
      "functions, after its last line: expected ';' for return statement",
      "@compute @workgroup_size(64)",
    ],
    [
      "statements after functions",
      { wgsl: "\ny[i] = half(x[i]) + 1u;", functions: functions.replace("2u", "2.0") },
      "wgsl, line 2, column 8: no matching overload for 'operator + (f32, u32)'",
      "y[i] = half(x[i]) + 1u;",
    ],
    ["one brace too many", { wgsl: "y[i] = x[i]; }" }, "wgsl, after its last line: unexpected token", "}"],
    [
      "a whole shader",
      { wgsl: whole, workgroups: () => [1, 1, 1] },
      "wgsl, line 5, column 10: no matching overload for 'operator + (f32, u32)'",
      "  y[0] = x[0] + 1u;",
    ],
  ])("in WGSL that does not compile, by the line that was written: %s", async (_, changes, message, line) => {
    const graph = new Graph();
    const failing = compile(gpu(), graph, { outputs: { y: define(changes)(x(graph)) } });
    const said = await failing.then(
      () => "",
      (error: unknown) => (error as Error).message,
    );
    expect(said.split("\n")[0]).toBe(`${FIRST}${message}`);
    expect(said.split("\n")).toContain(`      ${line}`);
    // The device goes on.
    gpu().check();
    await checkOp(gpu(), swish, { after: [[5]] }, { reference: swishReference });
  });
});
