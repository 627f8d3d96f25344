/** The ONNX form of every op, run by onnxruntime-web, agrees with PyTorch. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { crossEntropy } from "../../src/autograd/losses.ts";
import { GraphWriter } from "../../src/export/onnx/graph-writer.ts";
import { writeModel, type OnnxValue } from "../../src/export/onnx/model-file.ts";
import { writeNodes } from "../../src/export/onnx/to-onnx.ts";
import { Graph } from "../../src/graph/graph.ts";
import { liveNodes } from "../../src/graph/passes/live-nodes.ts";
import { Variable, type Tensor } from "../../src/graph/tensor.ts";
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

const at = (name: string) => new URL(`../reference/${name}`, import.meta.url);
const table = parseTable(readFileSync(at("cases.json"), "utf8"));

/** Only training needs them. */
const withoutForm = [
  "drop_scale",
  "dropout",
  "stochastic_depth",
  "cross_entropy",
  "dice_loss",
  "bce_with_logits",
  "adam",
  "adamw",
  "sgd",
];

/** Axes of a tensor in PyTorch's order, as `toTorch` of support/ops.ts has them. */
const torchOrder = (layout: "conv" | "linear" | undefined, rank: number): number[] => {
  if (layout === "conv") return [3, 2, 0, 1];
  if (layout === "linear") return [1, 0];
  return rank === 4 ? [0, 3, 1, 2] : Array.from({ length: rank }, (_, i) => i);
};

async function outputOf(name: string, testCase: OpCase, reference: Reference) {
  const op = ops[name]!;
  const values = reference.values(testCase.name);
  const params = (testCase.params ?? {}) as Record<string, never>;
  const graph = new Graph();
  const [operands, state]: [Record<string, Tensor>, Record<string, Variable>] = [{}, {}];
  const stored: GivenState = new Map();
  const inputs: (OnnxValue & { data: Float32Array })[] = [];
  const writer = new GraphWriter(stored, { reserved: ["y"] });
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
    const order = torchOrder(op.layouts?.[input], shape.length);
    writer.write(tensor, input, order);
    inputs.push({ name: input, type: "f32", shape: order.map((axis) => shape[axis]!), description: "", data });
  }
  const y = op.apply(operands, params, state);
  writeNodes(writer, liveNodes(graph, [y], []));
  writer.rename([[writer.read(y, torchOrder(undefined, y.shape.length)), "y"]]);
  const description = "";
  const model = writeModel({
    ...{ name, description, producer: { name: "test", version: "" }, opset: 18, ir: 8, metadata: {}, inputs },
    outputs: [
      {
        name: "y",
        type: "f32",
        shape: torchOrder(undefined, y.shape.length).map((axis) => y.shape[axis]!),
        description,
      },
    ],
    ...{ nodes: writer.nodes, constants: writer.constants() },
  });
  const session = await onnxSession(model);
  const given = Object.fromEntries(inputs.map(({ name, data, shape }) => [name, { data, shape: shape as number[] }]));
  const { y: found } = await session.runAll(given);
  await session.release();
  return { found: found!, expected: values.get("out.y")! };
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

test("an op that has none is refused by its name and its layer's", () => {
  const graph = new Graph();
  const [x, label] = [graph.input("x", [2, 3]), graph.input("label", [2], "u32")];
  const loss = graph.scope("head", () => crossEntropy(x, label));
  const writer = new GraphWriter(new Map());
  writer.write(x, "x");
  expect(() => writeNodes(writer, liveNodes(graph, [loss], []))).toThrow("head: crossEntropy has no ONNX form");
});
