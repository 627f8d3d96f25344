/** No op is left out of exports by accident: each of the public interface has a form, or a sentence that says why it has none. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import "../../src/autograd/methods.ts";
import { defineOp } from "../../src/autograd/define-op.ts";
import { onnxForms } from "../../src/autograd/onnx-forms.ts";
import * as nn from "../../src/entries/nn.ts";
import { toOnnx } from "../../src/export/onnx/to-onnx.ts";
import { Graph } from "../../src/graph/graph.ts";
import { liveNodes } from "../../src/graph/passes/live-nodes.ts";
import { Tensor } from "../../src/graph/tensor.ts";
import * as library from "../../src/index.ts";
import { Module } from "../../src/nn/module.ts";
import { layerNetworks, opNetworks, type OpNetwork } from "./public-ops.ts";

/** Exports of the engine that record nothing. */
const noOps = [
  ...["chromeTrace", "compile", "kernelsOf", "profilePlan", "readVariable", "setChoice", "tasksOf", "tune"],
  ...["webStore", "writeVariable"],
];

const own = defineOp({
  ...{ name: "relu", inputs: { x: "f32" }, outputs: { y: (x) => x } },
  ...{ wgsl: "y[i] = max(x[i], 0.1 * x[i]);" },
});
const labels = (x: Tensor) => (x.graph as Graph).input("label", [x.shape[0]!], "u32");
const step = (x: Tensor) => (x.graph as Graph).input("step", [1], "u32");

/** By the name of the export: what its refusal says. */
const refused: Readonly<Record<string, readonly [forward: (x: Tensor) => Tensor, message: string]>> = {
  crossEntropy: [
    (x) => library.crossEntropy(x, labels(x)),
    "crossEntropy has no ONNX form: it takes classes, which no input of an exported network holds; export what comes before the loss",
  ],
  nllLoss: [
    (x) => library.nllLoss(x, labels(x)),
    "nllLoss has no ONNX form: it takes classes, which no input of an exported network holds; export what comes before the loss",
  ],
  dropScale: [
    (x) => library.dropScale(x.shape[0]!, 3, { p: 0.5, layer: 0, seed: 0, step: step(x) }),
    "dropScale has no ONNX form: it draws numbers for a training step; use dropout, stochasticDepth or the layer Dropout, which drop nothing in inference",
  ],
  gradients: [
    (x) => library.gradients(library.sum(library.exp(x)), [x])[0]!,
    "gradients (one) has no ONNX form: export the forward pass alone",
  ],
  defineOp: [
    (x) => own(x),
    "relu has no ONNX form: it is an op of your own (defineOp); for the export, put it together from the library's",
  ],
};

const isFunction = (name: string, value: unknown) => typeof value === "function" && /^[a-z]/.test(name);

test("each function of the public interface is exported in a test, is refused in one, or records nothing", () => {
  const functions = Object.entries(library).filter(([name, value]) => isFunction(name, value));
  const known = [...Object.keys(opNetworks), ...Object.keys(refused).filter((name) => name !== "defineOp"), ...noOps];
  expect(functions.map(([name]) => name).sort()).toEqual(known.sort());
});

test("each method of a tensor is one of these functions", () => {
  const names: Readonly<Record<string, string>> = { view: "reshape", max: "amax" };
  const all = Object.entries(Object.getOwnPropertyDescriptors(Tensor.prototype));
  // What JavaScript asks of every object is no op.
  const ofObjects = Object.getOwnPropertyNames(Object.prototype);
  const methods = all.filter(([name, { value }]) => !ofObjects.includes(name) && typeof value === "function");
  expect(methods.length).toBeGreaterThan(20);
  for (const [name] of methods) expect(Object.keys(opNetworks)).toContain(names[name] ?? name);
});

test("each layer is exported in a test", () => {
  const layers = Object.entries(nn).filter(
    ([, value]) => typeof value === "function" && value.prototype instanceof Module && value !== nn.ModuleList,
  );
  expect(layers.map(([name]) => name).sort()).toEqual(Object.keys(layerNetworks).sort());
});

const kernelsOf = ({ sample, forward }: OpNetwork): string[] => {
  const graph = new Graph();
  const y = forward(graph.input("x", [2, ...sample]));
  return liveNodes(graph, [y], []).map(({ kernel }) => kernel.name);
};

describe("the kernels", () => {
  /** What only gradients and optimisers run. */
  const inTraining = [
    ...["accumulate", "adam", "adamw", "batchNorm.stats", "gradientNorm", "gradientSquares", "one", "sgd"],
    ...["spread", "zeros"],
  ];
  /** Parts of gradients. */
  const isGradient = (name: string) => /\.(\w*[gG]rads?|count)$/.test(name);

  test("in the sources each has a form or a reason, is a gradient's or an optimiser's", () => {
    const files = ["autograd", "kernels"].flatMap((room) => {
      const folder = new URL(`../../src/${room}/`, import.meta.url);
      return readdirSync(folder).map((file) => readFileSync(new URL(file, folder), "utf8").replaceAll(/^ \*.*$/gm, ""));
    });
    const patterns = [
      /\bname: "([\w.]+)"/g,
      /\b(?:apply|\w*Kernel|broadcast|multiply|withNumber|total|sumTo|pass|perThread)\(\s*"([\w.]+)"/g,
    ];
    const names = files.flatMap((text) =>
      patterns.flatMap((pattern) => [...text.matchAll(pattern)].map((match) => match[1]!)),
    );
    expect(new Set(names).size).toBeGreaterThan(100);
    const unknown = [...new Set(names)].filter((name) => !onnxForms.has(name) && !isGradient(name));
    expect(unknown.sort()).toEqual(inTraining.sort());
  });

  test("that networks of the public interface run all have a form", () => {
    const run = new Set([...Object.values(opNetworks), ...Object.values(layerNetworks)].flat().flatMap(kernelsOf));
    expect(run.size).toBeGreaterThan(40);
    for (const name of run) expect(onnxForms.get(name), name).not.toHaveProperty("refused");
    // None is left of an op that is gone: the rest is what folding and the explanations of the project's models use.
    const forms = [...onnxForms.values()].filter((form) => form.refused === undefined).map((form) => form.op);
    expect(forms.filter((name) => !run.has(name)).sort()).toEqual(["classActivation", "foldBatchNorm"]);
  });
});

test.each(Object.entries(refused))("%s is refused", (_, [forward, message]) => {
  expect(() => toOnnx(forward, new Map(), { input: [3] })).toThrow(message);
});
