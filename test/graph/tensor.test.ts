/** Tensors under JavaScript's operators, which cannot compute with them. */
import { describe, expect, test } from "vitest";
import { add } from "../../src/autograd/arithmetic.ts";
import { relu } from "../../src/autograd/elementwise.ts";
import { Graph } from "../../src/graph/graph.ts";
import { Variable, type Tensor } from "../../src/graph/tensor.ts";
import { Linear } from "../../src/nn/layers.ts";

const graph = new Graph();
const x = graph.input("x", [2, 3]);
const { weight } = new Linear(3, 2).finish(0);
const tensors: [string, Tensor, string][] = [
  ["an input", x, "input x"],
  ["a result", relu(x), "relu"],
  ["a variable", new Variable("gain", [2, 3]), "gain"],
  ["a parameter", weight, "weight"],
];
/** As untyped JavaScript has them. */
const operators: [string, (t: number) => unknown][] = [
  ["t + t", (t) => t + t],
  ["t + 1", (t) => t + 1],
  ["1 + t", (t) => 1 + t],
  ["t - 1", (t) => t - 1],
  ["2 * t", (t) => 2 * t],
  ["t / t", (t) => t / t],
  ["t ** 2", (t) => t ** 2],
  ["-t", (t) => -t],
  ["t > 0", (t) => t > 0],
  ["0 >= t", (t) => 0 >= t],
  ["Math.max(t)", (t) => Math.max(t, 0)],
  ["Float32Array.of(t)", (t) => Float32Array.of(t)],
];

describe.each(tensors)("%s", (_, tensor, label) => {
  test.each(operators)("%s says which ops there are", (_, apply) => {
    const refused = new TypeError(
      `${label}: operators such as +, * and > do not compute with tensors: call add(a, b), sub, mul, div or neg of mganet-webgpu ` +
        "(or a.add(b), with mganet-webgpu/methods imported), and compare the numbers that a plan's run or a trainer returns",
    );
    expect(() => apply(tensor as never)).toThrow(refused);
  });

  test("is a text that says what it is", () => {
    expect(String(tensor)).toBe(`tensor [${tensor.shape.join(", ")}] (${label})`);
    expect([tensor].join()).toBe(tensor.toString());
  });
});

test("of whole numbers it names the type, and messages may have one in them", () => {
  expect(String(new Graph().input("label", [4], "u32"))).toBe("tensor u32 [4] (input label)");
  expect(() => add(x, [x] as never)).toThrow("add: operand 2 of 2 is an Array, not a tensor or a number");
  expect(() => new Linear(x as never, 2)).toThrow(
    "Linear: featuresIn must be a whole number of at least 1, got tensor [2, 3] (input x)",
  );
});
