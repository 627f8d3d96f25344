/** Tensors' methods and the losses beside them, compared with PyTorch in float64 (test/reference/tensors_reference.py). */
import { expect, test } from "vitest";
import { gradients } from "../../src/autograd/gradients.ts";
import { compile, type NamedTensors } from "../../src/graph/compile.ts";
import { Graph } from "../../src/graph/graph.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { FORWARD_BAR, GRADIENT_BAR } from "../support/check-op.ts";
import { useGpu } from "../support/gpu.ts";
import { relativeError } from "../support/reference.ts";
import { drawn, operandOf, tensorCalls, tensorCases, unpacked } from "../support/tensor-cases.ts";

const gpu = useGpu();
const limited = useGpu({ maxBindingBytes: 4096 });

test("each case of the reference is computed", () => {
  expect(Object.keys(tensorCalls)).toEqual(Object.keys(tensorCases));
});

test.each(Object.entries(tensorCases))("%s", async (name, testCase) => {
  const { in: shapes, shape, y: wanted, grads } = testCase;
  const graph = new Graph({ training: true });
  const names = shapes.map((_, i) => "ab"[i]!);
  const leaves = names.map((each, i) => graph.input(each, shapes[i]!));
  // Each operand is a node's result, too, as in the middle of a network.
  const operands = leaves.map((leaf) => leaf.mul(2)) as [Tensor, Tensor];
  const y = tensorCalls[name]!(...operands);
  expect(y.shape).toEqual(shape.length > 0 ? shape : [1]);
  const loss = y.mul(graph.input("dy", y.shape)).sum();
  const found = gradients(loss, leaves);
  const given = shapes.map((_, i) => operandOf(name, testCase, i));
  for (const [i, gradient] of found.entries()) expect(gradient.shape).toEqual(shapes[i]);
  const outputs: NamedTensors = { y, ...Object.fromEntries(names.map((each, i) => [`d${each}`, found[i]!])) };
  const plan = await compile(gpu(), graph, { outputs });
  const inputs = Object.fromEntries(names.map((each, i) => [each, given[i]!.map((v) => v / 2)]));
  const labels = graph.inputs.has("label") ? { label: Uint32Array.of(4, 0, 2, 2) } : {};
  const out = await plan.run({ ...inputs, ...labels, dy: drawn(y.shape, 9) });
  expect(relativeError(out["y"]!, unpacked(wanted))).toBeLessThan(FORWARD_BAR);
  for (const [i, each] of names.entries()) {
    const ours = out[`d${each}`]!.map((v) => v / 2);
    expect(relativeError(ours, unpacked(grads[i]!)), `gradient of ${each}`).toBeLessThan(GRADIENT_BAR);
  }
  plan.destroy();
});

test("tensors that exceed a binding are computed in parts: broadcast, and summed over the axis that is cut, or others", async () => {
  const graph = new Graph();
  const [x, s] = [graph.input("x", [40, 2, 64]), graph.input("s", [2, 1])];
  const y = x.mul(s);
  const values = { x: drawn([40, 2, 64], 0), s: Float32Array.of(1, -2) };
  const outputs: NamedTensors = { y, rows: y.sum(0), samples: y.sum([1, 2]), most: y.amax(2), columns: y.mean([0, 1]) };
  const [whole, cut] = await Promise.all(
    [gpu(), limited()].map(async (on) => (await compile(on, graph, { outputs })).run(values)),
  );
  const product = values.x.map((v, i) => v * values.s[Math.floor(i / 64) % 2]!);
  expect(relativeError(whole!["y"]!, product)).toBeLessThan(1e-6);
  for (const name of Object.keys(outputs)) expect(relativeError(cut![name]!, whole![name]!), name).toBeLessThan(1e-6);
});
