/** Invalid arguments to tensors' methods and the losses beside them: each error is a sentence that names the op. */
import { expect, test } from "vitest";
import "../../src/autograd/methods.ts";
import { add, div, sub } from "../../src/autograd/arithmetic.ts";
import { clamp } from "../../src/autograd/math.ts";
import { nllLoss } from "../../src/autograd/likelihood.ts";
import { mseLoss } from "../../src/autograd/regression.ts";
import { Graph } from "../../src/graph/graph.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { ShapeError } from "../../src/kernels/kernel.ts";

let inputs = 0;
const t = (graph: Graph, ...shape: number[]): Tensor => graph.input(`input ${inputs++}`, shape);
/** What TypeScript would not let through. */
const untyped = (value: unknown) => value as never;

const refused: [string, (graph: Graph) => unknown, string][] = [
  ["add", (g) => t(g, 2, 3).add(t(g, 2)), "shapes [2, 3] and [2] cannot be broadcast: from the last axis on"],
  ["mul", (g) => t(g, 2, 8, 8, 4).mul(t(g, 2, 4, 1, 1)), "[2, 8, 8, 4] and [2, 4, 1, 1] cannot be broadcast"],
  ["div", (g) => t(g, 2).div(Infinity), "an operand must be a finite number, got Infinity"],
  ["sub", () => sub(1, 2), "expected a tensor, got two numbers"],
  ["add", (g) => t(g, 2).add(g.input("u", [2], "u32")), "got [2], u32 [2]"],
  ["pow", (g) => t(g, 2).pow(untyped(t(g, 2))), "exponent must be a finite number"],
  ["clamp", (g) => t(g, 2).clamp(), "give min, max or both"],
  ["clamp", (g) => t(g, 2).clamp(2, 1), "min 2 is above max 1"],
  ["clamp", (g) => clamp(t(g, 2), untyped({ low: 1 })), "unknown option low"],
  ["sum", (g) => t(g, 2, 3).sum(2), "dim must be a whole number from -2 to 1, got 2"],
  ["sum", (g) => t(g, 2, 3).sum([0, -2]), "dim [0, -2] names an axis twice"],
  ["mean", (g) => t(g, 2, 3).mean([]), "no axes were given; leave dim out for all of them"],
  ["mean", (g) => t(g, 2, 3).mean(0, untyped({ keepdim: true })), "keepdim must be true or false, got an Object"],
  ["max", (g) => (t(g, 2, 3) as unknown as { max(dim: number): Tensor }).max(1), "use amax(dim, keepdim)"],
  ["reshape", (g) => t(g, 2, 3).reshape(4, -1), "[2, 3] has 6 elements, which do not make [4, -1]"],
  ["reshape", (g) => t(g, 2, 3).view(-1, -1), "only one size of [-1, -1] can be -1"],
  ["flatten", (g) => t(g, 2, 3).flatten(1, 0), "dim 1 comes after 0 in [2, 3]"],
  ["squeeze", (g) => t(g, 2, 3).squeeze(1), "axis 1 of [2, 3] cannot be left out"],
  ["expand", (g) => t(g, 2, 3).expand(4, 3), "[2, 3] cannot be repeated to [4, 3]"],
  ["permute", (g) => t(g, 2, 3).permute(0, 0), "[0, 0] does not name each of the 2 axes of [2, 3] once"],
  ["transpose", (g) => t(g, 2, 3).transpose(0, 2), "dim must be a whole number from -2 to 1"],
  ["matmul", (g) => t(g, 2, 3).matmul(t(g, 3)), "[2, 3] and [3] are no matrices; unsqueeze a vector"],
  ["matmul", (g) => t(g, 2, 3).matmul(t(g, 4, 3)), "[2, 3] and [4, 3] do not match"],
  ["matmul", (g) => t(g, 2, 2, 3).matmul(t(g, 4, 3, 1)), "shapes [2] and [4] cannot be broadcast"],
  ["softmax", (g) => t(g, 2, 3).softmax(untyped(undefined)), "dim must be a whole number from -2 to 1, got undefined"],
  ["mseLoss", (g) => mseLoss(t(g, 2, 1), t(g, 2)), "shapes [2, 1] and [2] differ"],
  [
    "mseLoss",
    (g) => mseLoss(t(g, 2), t(g, 2), untyped({ reduction: "avg" })),
    "reduction must be mean, sum or none, got avg",
  ],
  [
    "nllLoss",
    (g) => nllLoss(t(g, 2, 3), g.input("label", [3], "u32")),
    "log-probabilities [2, 3] and labels [3] do not match",
  ],
];
test.each(refused)("%s: case %#", (op, build, said) => {
  const attempt = () => build(new Graph());
  expect(attempt).toThrow(ShapeError);
  expect(attempt).toThrow(said);
  expect(attempt).toThrow(new RegExp(`^${op}: `));
});

test("operands that are no tensors are named", () => {
  const x = new Graph().input("x", [2]);
  expect(() => add(x, untyped(undefined))).toThrow("add: operand 2 of 2 is undefined, not a tensor or a number");
  expect(() => div(untyped(new Float32Array(2)), x)).toThrow("div: operand 1 of 2 is a Float32Array, not a tensor");
  expect(() => x.matmul(untyped(3))).toThrow("matmul: operand 2 of 2 is a Number, not a tensor");
});
