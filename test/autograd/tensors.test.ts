/** Tensors' methods and the losses beside them, compared with PyTorch in float64 (test/reference/tensors_reference.py). */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import "../../src/autograd/methods.ts";
import { mul } from "../../src/autograd/arithmetic.ts";
import { logSoftmax, nllLoss } from "../../src/autograd/likelihood.ts";
import { gradients } from "../../src/autograd/gradients.ts";
import { l1Loss, mseLoss } from "../../src/autograd/regression.ts";
import { sub, div } from "../../src/autograd/arithmetic.ts";
import { upsampleNearest } from "../../src/autograd/upsample.ts";
import { compile, type NamedTensors } from "../../src/graph/compile.ts";
import { Graph } from "../../src/graph/graph.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { sizeOf } from "../../src/kernels/kernel.ts";
import { FORWARD_BAR, GRADIENT_BAR } from "../support/check-op.ts";
import { useGpu } from "../support/gpu.ts";
import { relativeError } from "../support/reference.ts";

const gpu = useGpu();
const limited = useGpu({ maxBindingBytes: 4096 });

interface Case {
  in: number[][];
  offset: number;
  span: number;
  shape: number[];
  y: string;
  grads: string[];
}
const cases = JSON.parse(readFileSync(new URL("../reference/data/tensors.json", import.meta.url), "utf8")) as Record<
  string,
  Case
>;

/** As `drawn` of the script. */
function drawn(shape: readonly number[], stream: number, offset = 0, span = 1): Float32Array {
  return Float32Array.from({ length: sizeOf(shape) }, (_, i) => {
    return offset + span * (((i * 7919 + (stream + 1) * 104729) % 2003) / 1001.5 - 1);
  });
}

const unpacked = (text: string) => new Float32Array(Uint8Array.from(Buffer.from(text, "base64")).buffer);

const label = (x: Tensor) => (x.graph as Graph).input("label", [4], "u32");

/** What the script computes, in our words. */
const calls: Record<string, (a: Tensor, b: Tensor) => Tensor> = {
  "add bias of channels": (a, b) => a.add(b),
  "add both ways": (a, b) => a.add(b),
  "add scalar tensor": (a, b) => a.add(b),
  "add outer, in fours": (a, b) => a.add(b),
  sub: (a, b) => a.sub(b),
  "sub same shape": (a, b) => a.sub(b),
  "sub from number": (a) => sub(2.5, a),
  "mul per sample": (a, b) => a.mul(b),
  "mul per channel": (a, b) => a.mul(b),
  "mul per pixel": (a, b) => a.mul(b),
  "mul shared channels": (a, b) => a.mul(b),
  "mul columns by rows": (a, b) => a.mul(b),
  "mul by itself": (a) => a.mul(a),
  div: (a, b) => a.div(b),
  "div same shape": (a, b) => a.div(b),
  "div of number": (a) => div(3, a),
  "div by number": (a) => a.div(-7),
  "add and mul numbers": (a) => mul(-2, a.add(1e-3)),
  neg: (a) => a.neg(),
  exp: (a) => a.exp(),
  log: (a) => a.log(),
  sqrt: (a) => a.sqrt(),
  abs: (a) => a.abs(),
  tanh: (a) => a.tanh(),
  "tanh small": (a) => a.tanh(),
  "tanh large": (a) => a.tanh(),
  sigmoid: (a) => a.sigmoid(),
  gelu: (a) => a.gelu(),
  relu: (a) => a.relu(),
  clamp: (a) => a.clamp(-0.5, 0.25),
  "clamp below": (a) => a.clamp(undefined, 0.1),
  "pow 3": (a) => a.pow(3),
  "pow -2": (a) => a.pow(-2),
  "pow 0": (a) => a.pow(0),
  "pow 19": (a) => a.pow(19),
  "pow 0.5": (a) => a.pow(0.5),
  "pow 2.3": (a) => a.pow(2.3),
  "sum all": (a) => a.sum(),
  "sum first": (a) => a.sum(0),
  "sum last": (a) => a.sum(-1),
  "sum middle kept": (a) => a.sum(1, true),
  "sum outer and inner": (a) => a.sum([0, 2]),
  "sum long": (a) => a.sum(0),
  "sum of one axis": (a) => a.sum(0),
  "mean all": (a) => a.mean(),
  "mean pixels": (a) => a.mean([1, 2]),
  "mean last kept": (a) => a.mean(-1, true),
  "amax last": (a) => a.amax(-1),
  "amax first": (a) => a.amax(0, true),
  "amax long, ties": (a) => a.amax(0),
  max: (a) => a.max(),
  softmax: (a) => a.softmax(-1),
  "softmax of channels": (a) => a.softmax(1),
  "permute to channels first": (a) => a.permute(0, 3, 1, 2),
  "permute, last stays": (a) => a.permute([2, 0, 1, 3]),
  transpose: (a) => a.transpose(0, 1),
  "transpose in fours": (a) => a.transpose(-1, -2),
  expand: (a) => a.expand(2, 3, 5),
  reshape: (a) => a.reshape(5, -1),
  flatten: (a) => a.flatten(1, 2),
  "squeeze and unsqueeze": (a) => a.squeeze(1).unsqueeze(-1),
  "views between": (a, b) => a.view(3, 4).mul(b).reshape([-1]).add(a.reshape(12)),
  matmul: (a, b) => a.matmul(b),
  "matmul, many by one": (a, b) => a.matmul(b),
  "matmul, batches": (a, b) => a.matmul(b),
  "matmul, one by many": (a, b) => a.matmul(b),
  "matmul, broadcast": (a, b) => a.matmul(b),
  standardised(a) {
    const centred = a.sub(a.mean(-1, true));
    return centred.div(centred.pow(2).mean(-1, true).add(1e-2).sqrt());
  },
  mse: mseLoss,
  l1: l1Loss,
  "mse, summed": (a, b) => mseLoss(a, b, { reduction: "sum" }),
  "l1, each": (a, b) => l1Loss(a, b, { reduction: "none" }),
  "log softmax": (a) => logSoftmax(a, 1),
  nll: (a) => nllLoss(a, label(a)),
  "upsample nearest": (a) => upsampleNearest(a, [2, 3]),
  "flatten of a map": (a) => a.permute(0, 3, 1, 2).flatten(1),
};

test("each case of the reference is computed", () => {
  expect(Object.keys(calls)).toEqual(Object.keys(cases));
});

test.each(Object.entries(cases))("%s", async (name, { in: shapes, offset, span, shape, y: wanted, grads }) => {
  const graph = new Graph({ training: true });
  const names = shapes.map((_, i) => "ab"[i]!);
  const leaves = names.map((each, i) => graph.input(each, shapes[i]!));
  // Each operand is a node's result, too, as in the middle of a network.
  const operands = leaves.map((leaf) => leaf.mul(2)) as [Tensor, Tensor];
  const y = calls[name]!(...operands);
  expect(y.shape).toEqual(shape.length > 0 ? shape : [1]);
  const loss = y.mul(graph.input("dy", y.shape)).sum();
  const found = gradients(loss, leaves);
  const given = shapes.map((each, i) => {
    const values = drawn(each, i, offset, span);
    return name.includes("ties") ? values.map((v) => Math.round(v * 4) / 4) : values;
  });
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
