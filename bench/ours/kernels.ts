/** Our kernels, each as a compiled plan of its own. */
import { batchNorm2d } from "../../src/autograd/batchnorm.ts";
import { conv2d } from "../../src/autograd/conv2d.ts";
import { gradients } from "../../src/autograd/gradients.ts";
import { interpolate } from "../../src/autograd/spatial.ts";
import type { Gpu } from "../../src/gpu/gpu.ts";
import { Graph } from "../../src/graph/graph.ts";
import { releaseVariables } from "../../src/graph/storage.ts";
import { Variable, type Tensor } from "../../src/graph/tensor.ts";
import { MGA } from "../../src/models/mganet/mga.ts";
import { operandsOf, type BatchNormCase, type ConvCase, type KernelCase, type MgaCase, type ResizeCase } from "../kernels/case.ts"; // prettier-ignore
import type { Operands } from "../kernels/data.ts";
import { createAdam } from "./adam.ts";
import { PlanRun, type OurKernel, type Recorded } from "./plan-run.ts";

export async function createKernel(gpu: Gpu, c: KernelCase, operands: Operands): Promise<OurKernel> {
  if (c.kind === "adam") return createAdam(gpu, operands);
  const variables: Variable[] = [];
  const recorded = record(c, operands, variables);
  // The other operands are the values of variables.
  const given = [...operands].filter(([name]) => recorded.graph.inputs.has(name));
  const inputs = Object.fromEntries(given.map(([name, { data }]) => [name, data]));
  const plan = await PlanRun.create(gpu, recorded, inputs);
  return {
    bytes: plan.bytes,
    results: () => plan.results(),
    run: (times) => plan.run(times),
    destroy() {
      plan.destroy();
      releaseVariables(gpu, variables);
    },
  };
}

type MakeVariable = (name: string, spec: { shape: readonly number[]; data?: Float32Array }) => Variable;

/** `variables` gets those that are made. */
function record(c: Exclude<KernelCase, { kind: "adam" }>, operands: Operands, variables: Variable[]): Recorded {
  const variable: MakeVariable = (name, { shape, data }) => {
    variables.push(new Variable(name, shape, data));
    return variables.at(-1)!;
  };
  const graph = new Graph({ training: true });
  const shapes = operandsOf(c);
  const input = (name: string) => graph.input(name, shapes[name]!);
  const kept = (name: string) => variable(name, operands.get(name)!);
  switch (c.kind) {
    case "conv2d":
      return { graph, outputs: recordConv(c, graph, input, kept) };
    case "batchNorm":
      return { graph, outputs: recordBatchNorm(c, input, kept, variable) };
    case "resize":
      return { graph, outputs: recordResize(c, graph, input) };
    case "mga":
      return { graph, outputs: recordMga(c, input, operands, variables) };
  }
}

type Make = (name: string) => Tensor;

/** What the rule of the op that made `y` records for the gradients of its inputs. */
function backward(y: Tensor, dy: Tensor, wanted: readonly boolean[]): readonly (Tensor | undefined)[] {
  if (y.source.kind !== "node") throw new TypeError(`${y.label} is no op's output`);
  const dys = y.source.node.outputs.map((t) => (t === y ? dy : undefined));
  return y.source.node.gradient!(dys, wanted);
}

function recordConv(c: ConvCase, graph: Graph, input: Make, kept: Make): Record<string, Tensor> {
  // A pass that does not read an operand leaves the forward convolution dead, and an input that is only named.
  const x = c.pass === "inputGrad" ? graph.input("x", [c.n, c.h, c.w, c.ci]) : input("x");
  const weight = c.pass === "weightGrad" ? graph.input("weight", [c.kernel, c.kernel, c.ci, c.co]) : kept("weight");
  const y = conv2d(x, weight, undefined, { stride: c.stride, padding: (c.kernel - 1) / 2 });
  if (c.pass === "forward") return { y };
  const [dx, dweight] = backward(y, input("dy"), [c.pass === "inputGrad", c.pass === "weightGrad"]);
  return c.pass === "inputGrad" ? { dx: dx! } : { dweight: dweight! };
}

function recordBatchNorm(c: BatchNormCase, input: Make, kept: Make, variable: MakeVariable): Record<string, Tensor> {
  const shape = [c.shape[3]];
  const running = { runningMean: variable("running mean", { shape }), runningVar: variable("running var", { shape }) };
  const parameters = { weight: kept("weight"), bias: kept("bias"), ...running };
  const x = input("x");
  const y = batchNorm2d(x, parameters, { relu: true });
  const wanted = (y.source.kind === "node" ? y.source.node.inputs : []).map(
    (t) => t === x || t === parameters.weight || t === parameters.bias,
  );
  const all = backward(y, input("dy"), wanted).filter((t) => t !== undefined);
  const [dx, dweight, dbias] = all as [Tensor, Tensor, Tensor];
  return { y, dx, dweight, dbias };
}

function recordResize(c: ResizeCase, graph: Graph, input: Make): Record<string, Tensor> {
  if (c.pass === "forward") return { y: interpolate(input("x"), c.size) };
  const y = interpolate(graph.input("x", c.shape), c.size);
  return { dx: backward(y, input("dy"), [true])[0]! };
}

function recordMga(c: MgaCase, input: Make, operands: Operands, variables: Variable[]): Record<string, Tensor> {
  const module = new MGA(c.shape[3], "parallel");
  const values: Record<string, string> = { "fc1.weight": "weight1", "fc1.bias": "bias1", "fc2.weight": "weight2", "fc2.bias": "bias2" }; // prettier-ignore
  module.finish((name) => operands.get(values[name]!)!.data);
  const [f, mask] = [input("f"), input("mask")];
  const y = module.forward(f, mask);
  const parameters = module.parameters();
  variables.push(...parameters);
  const [df, dmask, ...rest] = gradients(y, [f, mask, ...parameters], input("dy"));
  const named = parameters.map((p, i) => [`d${values[p.name]}`, rest[i]!] as const);
  return { y, df: df!, dmask: dmask!, ...Object.fromEntries(named) };
}
