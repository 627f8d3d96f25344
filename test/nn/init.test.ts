/** Layers' initial values, compared with PyTorch's formulas. */
import { describe, expect, test } from "vitest";
import { initialValues } from "../../src/nn/init.ts";
import { BatchNorm2d, Conv2d, Linear } from "../../src/nn/layers.ts";
import { Module, type Parameter } from "../../src/nn/module.ts";

class Net extends Module {
  readonly conv = new Conv2d(32, 64, 3, { padding: 1, bias: true });
  readonly grouped = new Conv2d(32, 64, 5, { padding: 2, groups: 4, bias: false });
  readonly bn = new BatchNorm2d(64);
  readonly fc = new Linear(256, 128);
}

function finished(seed: number): Net {
  const net = new Net();
  net.finish(initialValues(seed));
  return net;
}

const valuesOf = ({ initial, size }: Parameter): Float64Array => Float64Array.from(initial ?? new Float32Array(size));

/** Mean, standard deviation, and the greatest absolute value. */
function moments(values: Float64Array): { mean: number; deviation: number; most: number } {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
  return { mean, deviation: Math.sqrt(variance), most: values.reduce((a, b) => Math.max(a, Math.abs(b)), 0) };
}

/** Of n normal values, mean and deviation lie this close, in deviations, but for one in ten thousand. */
const close = (n: number): number => 4 / Math.sqrt(n);

describe("weights of convolutions: kaiming_normal_(mode='fan_out', nonlinearity='relu')", () => {
  // PyTorch's std = gain / sqrt(fan_out), gain = sqrt(2), fan_out = weight.size(0) * kH * kW for weight [out, in / groups, kH, kW].
  test.each([
    ["conv", 64 * 3 * 3],
    ["grouped", 64 * 5 * 5],
  ] as const)("%s", (layer, fanOut) => {
    const values = valuesOf(finished(1)[layer].weight);
    const std = Math.sqrt(2) / Math.sqrt(fanOut);
    const { mean, deviation, most } = moments(values);
    const bound = close(values.length);
    expect(Math.abs(mean / std)).toBeLessThan(bound);
    expect(Math.abs(deviation / std - 1)).toBeLessThan(bound);
    // Normal, not cut off and not uniform: 4.6 % beyond two deviations, and of so many some beyond 3.5.
    const beyond = values.filter((v) => Math.abs(v) > 2 * std).length / values.length;
    expect(Math.abs(beyond - 0.0455)).toBeLessThan(0.01);
    expect(most / std).toBeGreaterThan(3.5);
    expect(most / std).toBeLessThan(6);
  });
});

describe("uniform within 1 / sqrt(fan_in), as PyTorch's kaiming_uniform_(a=sqrt(5)) of weights and as its biases", () => {
  // PyTorch's bound = gain * sqrt(3 / fan_in) with gain = sqrt(2 / (1 + a²)).
  const torchBound = (fanIn: number) => Math.sqrt(2 / (1 + 5)) * Math.sqrt(3 / fanIn);
  test.each<[string, (net: Net) => Parameter, number]>([
    ["a linear layer's weight", (net) => net.fc.weight, 256],
    ["a convolution's bias", (net) => net.conv.bias!, 32 * 3 * 3],
  ])("%s", (_, parameter, fanIn) => {
    const values = valuesOf(parameter(finished(1)));
    const bound = torchBound(fanIn);
    expect(bound).toBeCloseTo(1 / Math.sqrt(fanIn), 15);
    const { mean, deviation, most } = moments(values);
    expect(most).toBeLessThanOrEqual(bound);
    // Of n uniform values the greatest lies within 10 / n of the bound but for one in twenty thousand.
    expect(most).toBeGreaterThan(bound * (1 - 10 / values.length));
    expect(Math.abs(mean / bound)).toBeLessThan(close(values.length) / Math.sqrt(3));
    expect(Math.abs((deviation * Math.sqrt(3)) / bound - 1)).toBeLessThan(close(values.length));
  });
});

test("what is not drawn: batch norms begin as the identity, a linear layer's bias at 0", () => {
  const { bn, fc } = finished(1);
  expect(new Set(valuesOf(bn.weight))).toEqual(new Set([1]));
  expect(new Set(valuesOf(bn.bias))).toEqual(new Set([0]));
  expect(new Set(valuesOf(bn.running_mean))).toEqual(new Set([0]));
  expect(new Set(valuesOf(bn.running_var))).toEqual(new Set([1]));
  expect(new Set(valuesOf(fc.bias))).toEqual(new Set([0]));
});

test("a seed gives these very values: checkpoints of old runs begin with them", () => {
  const first = (parameter: Parameter) => [...parameter.initial!.subarray(0, 4)];
  const { conv, grouped, fc } = finished(5);
  expect(first(conv.weight)).toEqual([
    0.08103155344724655, -0.058733634650707245, 0.13815435767173767, 0.059152815490961075,
  ]);
  expect(first(conv.bias!)).toEqual([
    0.03932805359363556, 0.005073662381619215, -0.03897272050380707, -0.024804383516311646,
  ]);
  expect(first(grouped.weight)).toEqual([
    0.013107402250170708, 0.011321422643959522, -0.033395372331142426, -0.0007803338812664151,
  ]);
  expect(first(fc.weight)).toEqual([
    -0.05293598398566246, -0.058286357671022415, -0.05224987864494324, 0.035350266844034195,
  ]);
});

test("a parameter's values depend on seed and name alone, not on what else there is", () => {
  class Alone extends Module {
    readonly fc = new Linear(256, 128);
  }
  const alone = new Alone();
  alone.finish(initialValues(3));
  const net = finished(3);
  expect(alone.fc.weight.initial).toEqual(net.fc.weight.initial);
  expect(finished(3).conv.weight.initial).toEqual(net.conv.weight.initial);
  expect(finished(4).conv.weight.initial).not.toEqual(net.conv.weight.initial);
  class Renamed extends Module {
    readonly other = new Linear(256, 128);
  }
  const renamed = new Renamed();
  renamed.finish(initialValues(3));
  expect(renamed.other.weight.initial).not.toEqual(net.fc.weight.initial);
});
