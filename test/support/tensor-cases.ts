/** The cases of test/reference/tensors_reference.py: what PyTorch computed, and how it is called here. */
import { readFileSync } from "node:fs";
import "../../src/autograd/methods.ts";
import { div, mul, sub } from "../../src/autograd/arithmetic.ts";
import { logSoftmax, nllLoss } from "../../src/autograd/likelihood.ts";
import { l1Loss, mseLoss } from "../../src/autograd/regression.ts";
import { upsampleNearest } from "../../src/autograd/upsample.ts";
import type { Graph } from "../../src/graph/graph.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { sizeOf } from "../../src/kernels/kernel.ts";

export interface TensorCase {
  in: number[][];
  offset: number;
  span: number;
  shape: number[];
  y: string;
  grads: string[];
}
export const tensorCases = JSON.parse(
  readFileSync(new URL("../reference/data/tensors.json", import.meta.url), "utf8"),
) as Record<string, TensorCase>;

/** As `drawn` of the script. */
export function drawn(shape: readonly number[], stream: number, offset = 0, span = 1): Float32Array {
  return Float32Array.from({ length: sizeOf(shape) }, (_, i) => {
    return offset + span * (((i * 7919 + (stream + 1) * 104729) % 2003) / 1001.5 - 1);
  });
}

export const unpacked = (text: string) => new Float32Array(Uint8Array.from(Buffer.from(text, "base64")).buffer);

const label = (x: Tensor) => (x.graph as Graph).input("label", [4], "u32");

/** What the script computes, in our words. */
export const tensorCalls: Record<string, (a: Tensor, b: Tensor) => Tensor> = {
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

/** The values of an operand of a case. */
export function operandOf(name: string, { in: shapes, offset, span }: TensorCase, i: number): Float32Array {
  const values = drawn(shapes[i]!, i, offset, span);
  return name.includes("ties") ? values.map((v) => Math.round(v * 4) / 4) : values;
}
