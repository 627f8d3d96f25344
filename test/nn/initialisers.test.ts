/** torch.nn.init by its names: mean, variance and bounds as its formulas say, fans of grouped convolutions included. */
import { expect, test } from "vitest";
import { fanIn, fanOut, type Draw } from "../../src/nn/draws.ts";
import { initialValuesBy } from "../../src/nn/init.ts";
import * as init from "../../src/nn/initialisers.ts";
import { Conv2d, Linear } from "../../src/nn/layers.ts";
import { toTorch } from "../../src/nn/layout.ts";
import { Module, Parameter } from "../../src/nn/module.ts";

class Net extends Module {
  readonly conv = new Conv2d(32, 64, [3, 5], { groups: 4, bias: false });
  readonly fc = new Linear(120, 80);
  readonly flat = new Parameter([3, 3, 8, 40], "flattened");
}

function drawn(draw: Draw): Net {
  const net = new Net();
  net.finish(initialValuesBy(11, (name) => (name.endsWith("bias") ? undefined : draw)));
  return net;
}

function moments(values: Float32Array) {
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  const std = Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length);
  return { mean, std, least: values.reduce((a, b) => Math.min(a, b)), most: values.reduce((a, b) => Math.max(a, b)) };
}

test("fans are torch.nn.init's: out counts all groups, and the weight behind a flattened map is a linear layer's", () => {
  const { conv, fc, flat } = new Net();
  // _calculate_fan_in_and_fan_out of [64, 8, 3, 5], [80, 120] and [40, 72].
  expect([conv.weight, fc.weight, flat].map((p) => [fanIn(p), fanOut(p)])).toEqual([
    [120, 960],
    [120, 80],
    [72, 40],
  ]);
});

// torch's numbers: std of the normal ones, bound of the uniform ones, for conv, fc and flat.
const scaled: [string, Draw, boolean, readonly number[]][] = [
  ["kaimingNormal", init.kaimingNormal(), false, [Math.sqrt(2 / 120), Math.sqrt(2 / 120), Math.sqrt(2 / 72)]],
  [
    "kaimingNormal, fan out",
    init.kaimingNormal({ mode: "fan_out", nonlinearity: "relu" }),
    false,
    [Math.sqrt(2 / 960), Math.sqrt(2 / 80), Math.sqrt(2 / 40)],
  ],
  [
    "kaimingUniform, as PyTorch's layers",
    init.kaimingUniform({ a: Math.sqrt(5) }),
    true,
    [1 / Math.sqrt(120), 1 / Math.sqrt(120), 1 / Math.sqrt(72)],
  ],
  [
    "kaimingUniform, linear",
    init.kaimingUniform({ nonlinearity: "linear" }),
    true,
    [120, 120, 72].map((f) => Math.sqrt(3 / f)),
  ],
  ["xavierNormal", init.xavierNormal(), false, [1080, 200, 112].map((f) => Math.sqrt(2 / f))],
  [
    "xavierUniform, gain",
    init.xavierUniform({ gain: 5 / 3 }),
    true,
    [1080, 200, 112].map((f) => (5 / 3) * Math.sqrt(6 / f)),
  ],
];
test.each(scaled)("%s", (_, draw, isUniform, numbers) => {
  const net = drawn(draw);
  for (const [i, parameter] of [net.conv.weight, net.fc.weight, net.flat].entries()) {
    const { mean, std, least, most } = moments(parameter.initial!);
    const wanted = isUniform ? numbers[i]! / Math.sqrt(3) : numbers[i]!;
    // Five standard errors of n draws.
    const n = parameter.size;
    expect(Math.abs(mean)).toBeLessThan((5 * wanted) / Math.sqrt(n));
    expect(Math.abs(std / wanted - 1)).toBeLessThan(5 / Math.sqrt(2 * n));
    if (isUniform) {
      expect(Math.max(-least, most)).toBeLessThanOrEqual(Math.fround(numbers[i]!));
      expect(Math.min(-least, most)).toBeGreaterThan(numbers[i]! * (1 - 20 / n));
    } else expect(most).toBeGreaterThan(2.5 * wanted);
  }
});

test("normal, uniform, truncNormal and constants by PyTorch's arguments", () => {
  const normal = moments(drawn(init.normal(3, 0.5)).fc.weight.initial!);
  expect([Math.abs(normal.mean - 3), Math.abs(normal.std - 0.5)].every((error) => error < 0.03)).toBe(true);
  const uniform = moments(drawn(init.uniform(-1, 3)).fc.weight.initial!);
  expect(uniform.least).toBeGreaterThanOrEqual(-1);
  expect(uniform.most).toBeLessThan(3);
  expect(uniform.mean).toBeCloseTo(1, 1);
  expect(moments(drawn(init.uniform()).fc.weight.initial!).mean).toBeCloseTo(0.5, 1);
  const cut = moments(drawn(init.truncNormal(1, 1, 0, 2.5)).fc.weight.initial!);
  expect(cut.least).toBeGreaterThanOrEqual(0);
  expect(cut.most).toBeLessThanOrEqual(2.5);
  // Mean of a normal distribution around 1 between -1 and 1.5 deviations: 1 + (phi(-1) - phi(1.5)) / (Phi(1.5) - Phi(-1)).
  expect(cut.mean).toBeCloseTo(1 + (0.241971 - 0.129518) / (0.933193 - 0.158655), 1);
  expect(new Set(drawn(init.zeros()).flat.initial ?? [0])).toEqual(new Set([0]));
  expect(new Set(drawn(init.ones()).flat.initial)).toEqual(new Set([1]));
  expect(new Set(drawn(init.constant(0.5)).flat.initial)).toEqual(new Set([0.5]));
});

test("orthogonal: rows or columns of the matrix [out, in] are orthogonal and of the gain's length", () => {
  const net = drawn(init.orthogonal({ gain: 2 }));
  for (const [parameter, rows] of [
    [net.conv.weight, 64],
    [net.fc.weight, 80],
    [net.flat, 40],
  ] as const) {
    const columns = parameter.size / rows;
    const matrix = toTorch(parameter.initial!, parameter.shape, parameter.layout);
    const row = (i: number) => matrix.subarray(i * columns, (i + 1) * columns);
    for (const [i, j] of [
      [0, 0],
      [0, 1],
      [5, 5],
      [3, rows - 1],
    ] as const) {
      // prettier-ignore
      const product = row(i).reduce((sum, v, k) => sum + v * row(j)[k]!, 0);
      expect(product).toBeCloseTo(i === j ? 4 : 0, 5);
    }
  }
});

test("gains are torch's", () => {
  expect(init.calculateGain("tanh")).toBe(5 / 3);
  expect(init.calculateGain("leaky_relu", 0.2)).toBeCloseTo(Math.sqrt(2 / 1.04), 12);
  expect(init.calculateGain("leaky_relu")).toBeCloseTo(Math.sqrt(2 / 1.0001), 12);
});

test("what cannot be is said", () => {
  const net = new Net();
  net.finish(initialValuesBy(0, () => init.kaimingNormal()));
  expect(() => net.fc.bias.initial).toThrow("kaimingNormal: fc.bias [80] is no weight, so it has no fans; give zeros,");
  expect(() => init.kaimingUniform({ mode: "fan_avg" as never })).toThrow(
    "mode must be fan_in or fan_out, got fan_avg",
  );
  expect(() => init.kaimingUniform({ slope: 1 } as never)).toThrow("unknown option slope");
  expect(() => init.calculateGain("gelu" as never)).toThrow("there is no gelu; there are linear,");
  expect(() => init.uniform(1, 0)).toThrow("uniform: a 1 is above b 0");
});
