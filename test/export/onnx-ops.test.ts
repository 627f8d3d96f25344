/** The ONNX form of every op, run by onnxruntime-web, agrees with PyTorch. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { GraphWriter } from "../../src/export/onnx/graph-writer.ts";
import { writeModel, type OnnxValue } from "../../src/export/onnx/model-file.ts";
import { writeNodes } from "../../src/export/onnx/to-onnx.ts";
import { Graph } from "../../src/graph/graph.ts";
import { liveNodes } from "../../src/graph/passes/live-nodes.ts";
import { Variable, type Tensor } from "../../src/graph/tensor.ts";
import { permute } from "../../src/nn/layout.ts";
import type { GivenState } from "../../src/nn/module.ts";
import { further } from "../support/selection.ts";
import { onnxSession } from "../support/onnx.ts";
import { fromTorch, ops } from "../support/ops.ts";
import {
  dataFile,
  parseReference,
  parseTable,
  relativeError,
  type OpCase,
  type Reference,
} from "../support/reference.ts";
import { operandOf, tensorCalls, tensorCases, unpacked } from "../support/tensor-cases.ts";

const at = (name: string) => new URL(`../reference/${name}`, import.meta.url);
const table = parseTable(readFileSync(at("cases.json"), "utf8"));

/** Cases of an op that takes classes, of what only training runs, and of optimisers. */
const withoutForm = ["drop_scale", "dropout", "stochastic_depth", "cross_entropy", "adam", "adamw", "sgd"];

/** Axes of a tensor in PyTorch's order, as `toTorch` of support/ops.ts has them. */
const torchOrder = (layout: "conv" | "linear" | undefined, rank: number): number[] => {
  if (layout === "conv") return [3, 2, 0, 1];
  if (layout === "linear") return [1, 0];
  return rank === 4 ? [0, 3, 1, 2] : Array.from({ length: rank }, (_, i) => i);
};

/** An operand whose axes lie in this order in the model. */
interface Given {
  readonly tensor: Tensor;
  readonly name: string;
  readonly order: readonly number[];
  /** In that order. */
  readonly data: Float32Array;
}

/** What a model of what `record` records computes; its axes lie in the order `of`. */
async function run(
  graph: Graph,
  y: Tensor,
  given: readonly Given[],
  of: readonly number[],
  state: GivenState = new Map(),
) {
  const writer = new GraphWriter(state, { reserved: ["y"] });
  const inputs = given.map(({ tensor, name, order, data }): OnnxValue & { data: Float32Array } => {
    writer.write(tensor, name, order);
    return { name, type: "f32", shape: order.map((axis) => tensor.shape[axis]!), description: "", data };
  });
  writeNodes(writer, liveNodes(graph, [y], []));
  writer.rename([[writer.read(y, of), "y"]]);
  const outputs: OnnxValue[] = [{ name: "y", type: "f32", shape: of.map((axis) => y.shape[axis]!), description: "" }];
  const model = writeModel({
    ...{ name: "", description: "", producer: { name: "test", version: "" }, opset: 18, ir: 8, metadata: {} },
    ...{ inputs, outputs, nodes: writer.nodes, constants: writer.constants() },
  });
  const session = await onnxSession(model);
  const feeds = inputs.map(({ name, data, shape }) => [name, { data, shape: shape as number[] }]);
  const { y: found } = await session.runAll(Object.fromEntries(feeds) as Record<string, never>);
  await session.release();
  return found!;
}

async function outputOf(name: string, testCase: OpCase, reference: Reference) {
  const op = ops[name]!;
  const values = reference.values(testCase.name);
  const params = (testCase.params ?? {}) as Record<string, never>;
  const graph = new Graph();
  const [operands, state]: [Record<string, Tensor>, Record<string, Variable>] = [{}, {}];
  const stored: GivenState = new Map();
  const given: Given[] = [];
  for (const input of Object.keys(testCase.in)) {
    const torch = values.get(`in.${input}`)!;
    const data = torch.data as Float32Array;
    const { shape } = fromTorch(op, input, torch.shape, data);
    if (op.state?.includes(input)) {
      state[input] = new Variable(input, shape);
      (stored as Map<string, object>).set(input, { shape, data });
      continue;
    }
    const tensor = graph.input(input, shape);
    operands[input] = tensor;
    given.push({ tensor, name: input, order: torchOrder(op.layouts?.[input], shape.length), data });
  }
  const y = op.apply(operands, params, state);
  const found = await run(graph, y, given, torchOrder(undefined, y.shape.length), stored);
  return { found, expected: values.get("out.y")! };
}

/** Whether running it takes more than milliseconds. */
const isLarge = ({ in: inputs }: OpCase): boolean =>
  Object.values(inputs).some((shape) => shape.reduce((a, b) => a * b, 1) > 20_000);

const forward = Object.entries(table).filter(([name]) => !withoutForm.includes(name));

describe.each(forward)("%s", (name, cases) => {
  const reference = parseReference(readFileSync(at(dataFile(name))), name);
  const inferred = cases.filter(({ params }) => params?.["training"] !== true);
  for (const testCase of inferred) {
    test(testCase.name, isLarge(testCase) ? further : {}, async () => {
      const { found, expected } = await outputOf(name, testCase, reference);
      expect(relativeError(found.data, expected.data)).toBeLessThan(1e-5);
    });
  }
});

/** Orders of axes in which operands may lie: as here, as PyTorch's maps, and turned around. */
const orders: Readonly<Record<string, (rank: number) => number[]>> = {
  "as here": (rank) => [...Array(rank).keys()],
  "as PyTorch's maps": (rank) => torchOrder(undefined, rank),
  "turned around": (rank) => [...Array(rank).keys()].reverse(),
};

describe.each(Object.entries(orders))("methods of tensors, whose axes lie %s", (_, orderOf) => {
  // Classes have no form, which its own test says.
  const named = Object.entries(tensorCases).filter(([name]) => name !== "nll");
  test.each(named)("%s", async (name, testCase) => {
    const graph = new Graph();
    const given = testCase.in.map((shape, i): Given => {
      const order = orderOf(shape.length);
      const data = permute(operandOf(name, testCase, i), shape, order);
      return { tensor: graph.input("ab"[i]!, shape), name: "ab"[i]!, order, data };
    });
    const y = tensorCalls[name]!(...(given.map(({ tensor }) => tensor) as [Tensor, Tensor]));
    const found = await run(graph, y, given, [...y.shape.keys()]);
    expect(found.shape).toEqual(testCase.shape.length > 0 ? testCase.shape : [1]);
    expect(relativeError(found.data, unpacked(testCase.y))).toBeLessThan(1e-5);
  });
});
