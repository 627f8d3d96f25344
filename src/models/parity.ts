/**
 * Recomputes a PyTorch reference case (test/reference) on an adapter: one pass of the last phase in training mode with all
 * gradients, the first steps of every phase, and inference afterwards.
 */
import { gradients } from "../autograd/gradients.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { compile, type CompileOptions } from "../graph/compile.ts";
import { Graph } from "../graph/graph.ts";
import type { Plan } from "../graph/plan.ts";
import { releaseVariables } from "../graph/storage.ts";
import type { Tensor } from "../graph/tensor.ts";
import { toTorch, torchShape } from "../nn/layout.ts";
import { Adam, adamDefaults } from "../optim/adam.ts";
import { Model } from "./model.ts";
import {
  CaseError,
  caseFloats,
  caseInputs,
  caseNumber,
  caseShape,
  caseState,
  requireLandmarks,
  type CaseShape,
  type Metadata,
  type Tensors,
} from "./parity-case.ts";
import { models } from "./registry.ts";
import type { BatchTensors, ModelSpec } from "./spec.ts";

type Variants = Pick<CompileOptions, "plain" | "choice">;

/** Tensors with PyTorch's names and layouts, as the reference generator writes them. */
export type Results = Map<string, { shape: readonly number[]; data: Float32Array }>;

/** Stride between the losses in one buffer: the alignment of a binding, in floats. */
const LOSS_STRIDE = 64;

/** The model of a case file. @throws CaseError if there is none */
export function caseModel(metadata: Metadata): ModelSpec {
  const found = models.find(({ parity }) => parity.matches(metadata));
  if (found) return found;
  const known = models.map(({ id }) => id).join(", ");
  throw new CaseError(`metadata model is ${metadata["model"] ?? "missing"}, expected one of ${known}`);
}

/** A prepared case: its network and inputs. */
interface Setup {
  spec: ModelSpec;
  model: Model;
  settings: object;
  shape: CaseShape;
  inputs: ReturnType<typeof caseInputs>;
  /** Whether the case was computed with dropout. */
  drops: boolean;
  variants: Variants;
}

/**
 * Computes all outputs, gradients and losses that the case file contains.
 * @param variants which kernel variants to use
 * @throws CaseError, StateDictError for a file that is not a case of a reference network
 */
export async function runCase(
  gpu: Gpu,
  metadata: Metadata,
  tensors: Tensors,
  variants: Variants = {},
): Promise<Results> {
  const spec = caseModel(metadata);
  const settings = spec.parity.settings(metadata);
  const shape = caseShape(metadata);
  const steps = Object.fromEntries(
    Object.entries(spec.parity.steps).map(([phase, key]) => [
      phase,
      caseNumber(metadata, key, { least: 0, most: 1000, step: 1 }),
    ]),
  );
  const inputs = caseInputs(tensors, shape);
  if (!inputs.target && spec.phases.some((phase) => phase.inputs.includes("target"))) {
    throw new CaseError("tensor in.target is missing");
  }
  const initial = caseState(tensors);
  requireLandmarks(initial, spec.landmarks(settings));
  const size: [number, number] = [shape.height, shape.width];
  const trained = { ...settings, lr: shape.lr, epochs: {}, size };
  const drops = (metadata["dropout"] ?? "off") !== "off";
  const seed = drops ? caseNumber(metadata, "seed", { least: 0, most: 2 ** 32 - 1, step: 1 }) : 0;
  const model = new Model(spec, trained, { classes: 2, seed });
  const setup: Setup = { spec, model, settings: trained, shape, inputs, drops, variants };
  requireExpectations(tensors, setup, steps);
  const { net } = model;
  const results: Results = new Map();
  try {
    net.loadStateDict(gpu, initial);
    if (expects(tensors, "eval0.")) await inference(gpu, setup, results, "eval0");
    await trainingPass(gpu, setup, results);
    // The pass changed the running statistics.
    net.loadStateDict(gpu, initial);
    const losses = await firstSteps(gpu, setup, steps);
    results.set("steps.losses", { shape: [losses.length], data: Float32Array.from(losses) });
    await inference(gpu, setup, results, "eval");
    return results;
  } finally {
    net.release(gpu);
  }
}

const expects = (tensors: Tensors, prefix: string): boolean =>
  [...tensors.keys()].some((name) => name.startsWith(prefix));

/** @throws CaseError if the file lacks something that `compareCase` needs */
function requireExpectations(tensors: Tensors, { spec, model }: Setup, steps: Record<string, number>): void {
  for (const name of spec.parity.compared) caseFloats(tensors, `train.${name}`);
  caseFloats(tensors, "train.loss");
  caseFloats(tensors, "steps.losses", [Object.values(steps).reduce((a, b) => a + b, 0)]);
  for (const [name, { trainable, shape, layout }] of model.net.named()) {
    if (trainable) caseFloats(tensors, `grad.${name}`, torchShape(shape, layout));
  }
}

function batchIn(graph: Graph, { shape: { batch: n, height: h, width: w }, drops }: Setup, inputs: readonly string[]) {
  const image = graph.input("image", [n, h, w, 3]);
  const target = inputs.includes("target") ? { target: graph.input("target", [n, h, w, 1]) } : {};
  const label = inputs.includes("label") ? { label: graph.input("label", [n], "u32") } : {};
  const step = drops && inputs.includes("step") ? { step: graph.input("step", [1], "u32") } : {};
  return { image, ...target, ...label, ...step } satisfies BatchTensors;
}

/** What a graph is given in the step of this number, from 1. */
const givenTo = (graph: Graph, inputs: Setup["inputs"], number: number) =>
  Object.fromEntries(
    Object.entries({ ...inputs, step: Uint32Array.of(number) }).filter(([name]) => graph.inputs.has(name)),
  );

/** Runs a plan once, and frees it. */
async function once(gpu: Gpu, graph: Graph, outputs: Record<string, Tensor>, { inputs, variants }: Setup) {
  const plan = await compile(gpu, graph, { ...variants, outputs });
  try {
    return await plan.run(givenTo(graph, inputs, 1));
  } finally {
    plan.destroy();
  }
}

/** The shape of an output in the file, where channels come second; these outputs have one channel or none. */
const inFile = ({ shape: [n, ...rest] }: Tensor): number[] => {
  return rest.length === 3 ? [n!, rest[2]!, rest[0]!, rest[1]!] : [n!, ...rest];
};

/** One forward and backward pass of the last phase's loss, without an update. */
async function trainingPass(gpu: Gpu, setup: Setup, results: Results): Promise<void> {
  const { spec, model, settings } = setup;
  const graph = new Graph({ training: true });
  const batch = batchIn(graph, setup, spec.phases.at(-1)!.inputs);
  const out = spec.parity.outputs(model.net, batch.image, batch.step);
  const { loss, terms = {} } = spec.parity.losses(out, batch, settings);
  const losses = [loss, ...Object.values(terms)];
  const trainable = [...model.net.named()].filter(([, p]) => p.trainable);
  const all = gradients(
    loss,
    trainable.map(([, p]) => p),
  );
  const offsets = losses.map((_, i) => i * LOSS_STRIDE);
  const run = await once(
    gpu,
    graph,
    {
      ...Object.fromEntries(spec.parity.compared.map((name) => [`train.${name}`, out[name]!])),
      "train.loss": graph.pack(losses, offsets, losses.length * LOSS_STRIDE),
      ...Object.fromEntries(trainable.map(([name], i) => [`grad.${name}`, all[i]!])),
    },
    setup,
  );
  for (const name of spec.parity.compared) {
    results.set(`train.${name}`, { shape: inFile(out[name]!), data: run[`train.${name}`]! });
  }
  const packed = run["train.loss"]!;
  results.set("train.loss", { shape: [losses.length], data: Float32Array.from(offsets, (at) => packed[at]!) });
  for (const [name, { shape, layout }] of trainable) {
    const data = toTorch(run[`grad.${name}`]!, shape, layout);
    results.set(`grad.${name}`, { shape: torchShape(shape, layout), data });
  }
}

/** The losses of the first steps of each phase, phase after phase. */
async function firstSteps(gpu: Gpu, setup: Setup, steps: Readonly<Record<string, number>>): Promise<number[]> {
  const { model, shape, inputs, variants } = setup;
  const losses: number[] = [];
  for (const phase of model.phases) {
    const adam = new Adam(phase.slabs, { ...adamDefaults, lr: shape.lr });
    const graph = new Graph({ training: true });
    const { loss } = phase.record(batchIn(graph, setup, phase.inputs));
    const { updates } = adam.record(graph, loss);
    let plan: Plan | undefined;
    try {
      plan = await compile(gpu, graph, { ...variants, outputs: { loss }, updates });
      for (let i = 0; i < steps[phase.name]!; i++) {
        const { loss: value } = await plan.run({ ...givenTo(graph, inputs, i + 1), adam: adam.advance() });
        losses.push(value![0]!);
      }
    } finally {
      plan?.destroy();
      releaseVariables(
        gpu,
        adam.state.map(([, v]) => v),
      );
    }
  }
  return losses;
}

/** The network's outputs after those steps. */
async function inference(gpu: Gpu, setup: Setup, results: Results, prefix: string): Promise<void> {
  const { spec, model } = setup;
  const graph = new Graph();
  const out = spec.parity.outputs(model.net, batchIn(graph, setup, []).image);
  // An auxiliary head is there in training only.
  const compared = spec.parity.compared.filter((name) => out[name] !== undefined);
  const outputs = Object.fromEntries(compared.map((name) => [name, out[name]!]));
  const run = await once(gpu, graph, outputs, setup);
  for (const name of compared) {
    results.set(`${prefix}.${name}`, { shape: inFile(out[name]!), data: run[name]! });
  }
}

/** The error of computed results against a case file, and the bar that float32 should meet. */
export interface Comparison {
  what: string;
  error: number;
  bar: number;
}

/** Relative L2 error over the tensors with these names, as one vector. */
function relativeError(names: readonly string[], results: Results, tensors: Tensors): number {
  let difference = 0;
  let norm = 0;
  for (const name of names) {
    const actual = results.get(name)!;
    const expected = caseFloats(tensors, name, actual.shape).data;
    for (let i = 0; i < expected.length; i++) {
      difference += (actual.data[i]! - expected[i]!) ** 2;
      norm += expected[i]! ** 2;
    }
  }
  const error = Math.sqrt(difference / Math.max(norm, Number.MIN_VALUE));
  // Non-finite values must fail every bar.
  return Number.isFinite(error) ? error : Infinity;
}

/** The norm of the gradients of these parameters, which are zero but for rounding, against that of all. */
function shareOf(parameters: readonly string[], results: Results, all: readonly string[]): number {
  const squares = (names: readonly string[]) =>
    names.reduce((sum, name) => sum + results.get(name)!.data.reduce((s, v) => s + v * v, 0), 0);
  const share = Math.sqrt(squares(parameters.map((name) => `grad.${name}`)) / squares(all));
  return Number.isFinite(share) ? share : Infinity;
}

const worstRelative = (actual: Float32Array, expected: Float32Array): number =>
  expected.reduce((worst, e, i) => {
    const error = Math.abs(actual[i]! - e) / Math.abs(e);
    return Math.max(worst, Number.isFinite(error) ? error : Infinity);
  }, 0);

/** Display names. */
const outputTitles: Readonly<Record<string, string>> = { seg_logits: "segmentation logits" };

/** Compares what `runCase` computed with the case file. @throws CaseError for tensors of another shape */
export function compareCase(results: Results, metadata: Metadata, tensors: Tensors): Comparison[] {
  const { firstLosses, losses: allLosses } = caseModel(metadata).parity.bars ?? { firstLosses: 1e-3, losses: 2e-2 };
  const named = (prefix: string) => [...results.keys()].filter((name) => name.startsWith(prefix));
  const losses = results.get("steps.losses")!.data;
  const expected = caseFloats(tensors, "steps.losses").data;
  const none = (metadata["zero_gradients"] ?? "").split(" ").filter((name) => results.has(`grad.${name}`));
  return [
    ...named("eval0.").map((name): Comparison => {
      const output = name.slice("eval0.".length);
      return {
        what: `inference: ${outputTitles[output] ?? output}`,
        error: relativeError([name], results, tensors),
        bar: 1e-4,
      };
    }),
    ...named("train.").map((name): Comparison => {
      const what = name.slice("train.".length);
      return { what: outputTitles[what] ?? what, error: relativeError([name], results, tensors), bar: 1e-4 };
    }),
    { what: "all gradients", error: relativeError(named("grad."), results, tensors), bar: 2e-4 },
    ...(none.length > 0
      ? [{ what: "gradients that are zero", error: shareOf(none, results, named("grad.")), bar: 1e-5 }]
      : []),
    {
      what: "first four losses",
      error: worstRelative(losses.subarray(0, 4), expected.subarray(0, 4)),
      bar: firstLosses,
    },
    { what: "all losses", error: worstRelative(losses, expected), bar: allLosses },
  ];
}
