/** Distributions of initial values, compared with torch.nn.init's formulas. */
import { expect, test } from "vitest";
import {
  constant,
  fanIn,
  fanInUniform,
  fanOut,
  heNormal,
  normal,
  truncatedNormal,
  uniform,
  xavierUniform,
  type Draw,
} from "../../src/nn/draws.ts";
import { initialValues, initialValuesBy, usualRule } from "../../src/nn/init.ts";
import { Conv2d, Linear } from "../../src/nn/layers.ts";
import { Module, Parameter } from "../../src/nn/module.ts";

class Net extends Module {
  readonly conv = new Conv2d(32, 64, [3, 5], { groups: 4, bias: 0 });
  readonly fc = new Linear(48, 144);
  readonly flat = new Parameter([7, 7, 8, 16], "flattened");
  readonly scale = new Parameter([64], "vector", { fill: 3 });
}

/** Everything drawn alike, as far as it can be. */
function drawn(draw: Draw, skip: (name: string) => boolean = () => false): Net {
  const net = new Net();
  net.finish(initialValuesBy(7, (name) => (skip(name) ? undefined : draw)));
  return net;
}

const deviation = (values: Float32Array) => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);
const most = (values: Float32Array) => values.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
/** Whether the share of values beyond two deviations is a normal distribution's 4.6 %. */
const tails = (values: Float32Array, std: number) => values.filter((v) => Math.abs(v) > 2 * std).length / values.length;

test("normal", () => {
  const { initial } = drawn(normal(0.02)).fc.weight;
  expect(Math.abs(deviation(initial!) / 0.02 - 1)).toBeLessThan(0.05);
  expect(Math.abs(tails(initial!, 0.02) - 0.0455)).toBeLessThan(0.01);
});

test("truncated normal, by absolute bounds of ±2 unless given", () => {
  const wide = drawn(truncatedNormal(0.1)).fc.weight.initial!;
  expect(Math.abs(deviation(wide) / 0.1 - 1)).toBeLessThan(0.05);
  const cut = drawn(truncatedNormal(1.5)).fc.weight.initial!;
  expect(most(cut)).toBeLessThanOrEqual(2);
  expect(most(cut)).toBeGreaterThan(1.9);
  // 1.5 sqrt(1 - 2 a phi(a) / Z) with a = 2 / 1.5 and Z = 0.8176, the share within ±2.
  expect(Math.abs(deviation(cut) - 1.0229)).toBeLessThan(0.02);
  expect(Math.min(...drawn(truncatedNormal(1, -0.5, 3)).fc.weight.initial!)).toBeGreaterThanOrEqual(-0.5);
  for (const bounds of [
    [0.5, 2],
    [-2, 0],
    [-0.1, 0.1],
    [-2, NaN],
  ] as const)
    expect(() => truncatedNormal(1, ...bounds)).toThrow(/^truncatedNormal: /);
  expect(() => truncatedNormal(0)).toThrow("truncatedNormal: std 0 must be above 0");
});

test("uniform and constant", () => {
  const { initial } = drawn(uniform(0.3)).fc.weight;
  expect(most(initial!)).toBeLessThanOrEqual(0.3);
  expect(Math.abs(deviation(initial!) * Math.sqrt(3) - 0.3)).toBeLessThan(0.01);
  expect(new Set(drawn(constant(0)).scale.initial)).toEqual(new Set([0]));
  expect(() => uniform(-1)).toThrow("uniform: bound must be a finite number of at least 0");
  expect(() => normal(NaN)).toThrow("normal: std must be a finite number");
});

test("fans: of weights by their layout, of biases their layer's", () => {
  const net = new Net();
  expect([fanIn(net.conv.weight), fanOut(net.conv.weight)]).toEqual([3 * 5 * 8, 3 * 5 * 64]);
  expect([fanIn(net.fc.weight), fanOut(net.fc.weight)]).toEqual([48, 144]);
  expect(fanIn(net.flat)).toBe(7 * 7 * 8);
  expect([fanIn(net.conv.bias!), fanIn(net.fc.bias)]).toEqual([120, 48]);
  expect(() => fanIn(net.scale)).toThrow("a vector [64] has no fan-in: it is no layer's bias");
  expect(() => fanOut(net.fc.bias)).toThrow("has no fan-out: it is no weight");
});

test("uniform by inputs; Xavier's, a matrix of three as one; He's by outputs of all groups", () => {
  const byInputs = drawn(fanInUniform, (name) => name === "scale");
  for (const [parameter, inputs] of [
    [byInputs.conv.weight, 120],
    [byInputs.conv.bias!, 120],
    [byInputs.fc.weight, 48],
    [byInputs.fc.bias, 48],
    [byInputs.flat, 392],
  ] as const) {
    const bound = 1 / Math.sqrt(inputs);
    expect(most(parameter.initial!)).toBeLessThanOrEqual(bound);
    expect(most(parameter.initial!)).toBeGreaterThan(bound * (1 - 10 / parameter.size));
  }
  expect([...byInputs.scale.initial!]).toEqual(Array(64).fill(3));
  const vectors = (name: string) => name === "scale" || name.endsWith("bias");
  const xavier = drawn(xavierUniform, vectors).fc.weight.initial!;
  expect(most(xavier)).toBeLessThanOrEqual(Math.sqrt(6 / (4 * 48)));
  expect(most(xavier)).toBeGreaterThan(0.99 * Math.sqrt(6 / (4 * 48)));
  const he = drawn(heNormal, vectors).conv.weight.initial!;
  expect(Math.abs(deviation(he) / Math.sqrt(2 / (3 * 5 * 64)) - 1)).toBeLessThan(0.05);
});

test("the usual rule draws what initialValues draws", () => {
  const [usual, net] = [new Net(), new Net()];
  usual.finish(initialValues(4));
  net.finish(initialValuesBy(4, usualRule));
  for (const [name, { initial }] of net.named()) {
    expect(initial, name).toEqual(new Map(usual.named()).get(name)!.initial);
  }
  expect(() => initialValuesBy(0.5, usualRule)).toThrow("initialValues: seed must be a whole number of at least 0");
});
