/**
 * Recomputes a case of the reference network (test/reference/mganet_reference.py) on an adapter: one joint pass in
 * training mode with all gradients, the first steps of the two stages, and inference after them.
 */
import { gradients } from "../autograd/gradients.ts";
import type { SafeTensor } from "../data/safetensors.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { compile, type CompileOptions } from "../graph/compile.ts";
import { Graph } from "../graph/graph.ts";
import type { Plan } from "../graph/plan.ts";
import { releaseVariables } from "../graph/storage.ts";
import { sameShape, showShape } from "../kernels/kernel.ts";
import { fusions, MGANet, type MGANetOptions } from "../models/mganet.ts";
import { permute, toTorch, torchShape } from "../nn/layout.ts";
import type { StateDict } from "../nn/module.ts";
import { Adam, adamDefaults, slabsOf } from "../optim/adam.ts";
import { jointLoss, segmentationLoss } from "./losses.ts";
import { requireWidth } from "./state.ts";

/** A case file lacks something, or says something that makes no sense. */
export class CaseError extends Error {
  override name = "CaseError";
}

export interface Case {
  model: MGANetOptions;
  batch: number;
  height: number;
  width: number;
  lr: number;
  alpha: number;
  pretrainSteps: number;
  jointSteps: number;
}

type Tensors = ReadonlyMap<string, SafeTensor>;

type Variants = Pick<CompileOptions, "plain" | "choice">;

/** Tensors in PyTorch's names and layouts, as the reference generator writes them. */
export type Results = Map<string, { shape: readonly number[]; data: Float32Array }>;

/** The configuration in a case file's metadata. @throws CaseError for what is missing or out of bounds */
export function parseCase(metadata: Readonly<Record<string, string>>): Case {
  const number = (key: string, least: number, most: number, step?: number): number => {
    const given = metadata[key];
    const value = given?.trim() ? Number(given) : NaN;
    if (value >= least && value <= most && (step === undefined || value % step === 0)) return value;
    const kind = step === undefined ? "a number" : step === 1 ? "an integer" : `a multiple of ${step}`;
    throw new CaseError(`metadata ${key} is ${given ?? "missing"}, expected ${kind} from ${least} to ${most}`);
  };
  const fusion = fusions.find((f) => f === metadata["fusion"]);
  if (!fusion)
    throw new CaseError(`metadata fusion is ${metadata["fusion"] ?? "missing"}, expected one of ${fusions.join(", ")}`);
  const at = metadata["at"] ?? "";
  if (at !== "every-block" && !/^\(([0-4], ?)*[0-4]?,?\)$/.test(at)) {
    throw new CaseError(`metadata at is "${at}", expected every-block or a tuple such as (0, 1, 2)`);
  }
  const scales = [...new Set([...at.matchAll(/\d/g)].map(([digit]) => Number(digit)))];
  return {
    model: { width: number("width", 1 / 64, 4), fusion, at: at === "every-block" ? at : scales },
    batch: number("batch", 1, 1024, 1),
    height: number("height", 32, 4096, 32),
    width: number("width_px", 32, 4096, 32),
    lr: number("lr", 0, 1),
    alpha: number("alpha", 0, 100),
    pretrainSteps: number("pretrain_steps", 0, 1000, 1),
    jointSteps: number("joint_steps", 0, 1000, 1),
  };
}

type Floats = { shape: readonly number[]; data: Float32Array };

/** The tensor of that name, and of that shape if one is given. @throws CaseError */
function floats(tensors: Tensors, name: string, shape?: readonly number[]): Floats {
  const tensor = tensors.get(name);
  if (!tensor) throw new CaseError(`tensor ${name} is missing`);
  if (tensor.dtype !== "F32") throw new CaseError(`tensor ${name} is ${tensor.dtype}, expected F32`);
  if (shape && !sameShape(tensor.shape, shape)) {
    throw new CaseError(`tensor ${name} is ${showShape(tensor.shape)}, expected ${showShape(shape)}`);
  }
  return tensor;
}

/** The class of each image. @throws CaseError */
function labels(tensors: Tensors, n: number): Uint32Array {
  const tensor = tensors.get("in.label");
  if (tensor?.dtype !== "I32" || tensor.data.length !== n || tensor.data.some((k) => k !== 0 && k !== 1)) {
    throw new CaseError(`tensor in.label is not I32 [${n}] of 0 and 1`);
  }
  return Uint32Array.from(tensor.data);
}

/** What the network is fed with, and its initial state: sizes that metadata state are those of real tensors. */
function inputsOf(tensors: Tensors, { batch: n, height: h, width: w, model }: Case) {
  const image = permute(floats(tensors, "in.image", [n, 3, h, w]).data, [n, 3, h, w], [0, 2, 3, 1]);
  const target = floats(tensors, "in.target", [n, 1, h, w]).data;
  if ((n * h * w) / 32 ** 2 < 2) throw new CaseError("one image of 32x32 is too little for batch normalisation");
  const initial: StateDict = new Map();
  for (const name of tensors.keys()) {
    if (name.startsWith("init.")) initial.set(name.slice("init.".length), floats(tensors, name));
  }
  requireWidth(initial, model.width);
  return { inputs: { image, label: labels(tensors, n), target }, initial };
}

/** @throws CaseError if the file lacks something that `compareCase` compares with */
function requireExpectations(tensors: Tensors, net: MGANet, setup: Case): void {
  const { batch: n, height: h, width: w } = setup;
  floats(tensors, "train.logits", [n, 2]);
  floats(tensors, "train.seg_logits", [n, 1, h, w]);
  floats(tensors, "train.loss", [3]);
  floats(tensors, "steps.losses", [setup.pretrainSteps + setup.jointSteps]);
  for (const [name, { trainable, shape, layout }] of net.named()) {
    if (trainable) floats(tensors, `grad.${name}`, torchShape(shape, layout));
  }
}

/**
 * Computes everything that the case file states about outputs, gradients and losses.
 * @param variants which variants of the kernels to use
 * @throws CaseError, StateDictError for a file that is not a case of the reference network
 */
export async function runCase(
  gpu: Gpu,
  metadata: Readonly<Record<string, string>>,
  tensors: Tensors,
  variants: Variants = {},
): Promise<Results> {
  const setup = parseCase(metadata);
  const { batch: n, height: h, width: w } = setup;
  const { inputs, initial } = inputsOf(tensors, setup);
  const net = new MGANet(setup.model);
  requireExpectations(tensors, net, setup);
  const segmenterSlabs = slabsOf(net.segmenter.parameters());
  const restSlabs = slabsOf(net.parameters().filter((p) => !p.place));
  const results: Results = new Map();
  const plans: Plan[] = [];
  try {
    net.loadStateDict(gpu, initial);
    const joint = await jointPass(gpu, net, setup, variants);
    plans.push(joint.plan);
    for (const [name, values] of Object.entries(await joint.plan.run(inputs)))
      results.set(name, joint.describe(name, values));
    // The pass has moved the running statistics.
    net.loadStateDict(gpu, initial);

    const adam = { ...adamDefaults, lr: setup.lr };
    const losses: number[] = [];
    for (const stage of ["pretrain", "joint"] as const) {
      const optimiser = new Adam(stage === "pretrain" ? segmenterSlabs : [...segmenterSlabs, ...restSlabs], adam);
      const graph = new Graph({ training: true });
      const loss = stageLoss(graph, net, setup, stage);
      const { updates } = optimiser.record(graph, loss);
      const plan = await compile(gpu, graph, { ...variants, outputs: { loss }, updates });
      plans.push(plan);
      const steps = stage === "pretrain" ? setup.pretrainSteps : setup.jointSteps;
      const given = Object.fromEntries(Object.entries(inputs).filter(([name]) => graph.inputs.has(name)));
      for (let i = 0; i < steps; i++) {
        const { loss: value } = await plan.run({ ...given, adam: optimiser.advance() });
        losses.push(value![0]!);
      }
      releaseVariables(
        gpu,
        optimiser.state.map(([, v]) => v),
      );
    }
    results.set("steps.losses", { shape: [losses.length], data: Float32Array.from(losses) });

    const graph = new Graph();
    const { logits, segLogits } = net.forward(graph.input("image", [n, h, w, 3]));
    const plan = await compile(gpu, graph, { ...variants, outputs: { logits, segLogits } });
    plans.push(plan);
    const out = await plan.run({ image: inputs["image"] });
    results.set("eval.logits", { shape: [n, 2], data: out["logits"]! });
    results.set("eval.seg_logits", { shape: [n, 1, h, w], data: out["segLogits"]! });
    return results;
  } finally {
    for (const plan of plans) plan.destroy();
    releaseVariables(
      gpu,
      [...net.named()].map(([, p]) => p),
    );
  }
}

function stageLoss(
  graph: Graph,
  net: MGANet,
  { batch: n, height: h, width: w, alpha }: Case,
  stage: "pretrain" | "joint",
) {
  const image = graph.input("image", [n, h, w, 3]);
  const target = graph.input("target", [n, h, w, 1]);
  if (stage === "joint")
    return jointLoss(net.forward(image), graph.input("label", [n], "u32"), target, { alpha }).total;
  const { logits, mask } = net.segment(image);
  return segmentationLoss("dice", logits, mask, target);
}

/** One forward and backward pass of the joint loss, without an update. */
async function jointPass(gpu: Gpu, net: MGANet, { batch: n, height: h, width: w, alpha }: Case, variants: Variants) {
  const graph = new Graph({ training: true });
  const out = net.forward(graph.input("image", [n, h, w, 3]));
  const target = graph.input("target", [n, h, w, 1]);
  const { total, cls, seg } = jointLoss(out, graph.input("label", [n], "u32"), target, { alpha });
  const trainable = [...net.named()].filter(([, p]) => p.trainable);
  const all = gradients(
    total,
    trainable.map(([, p]) => p),
  );
  const loss = graph.pack([total, cls, seg], [0, 64, 128], 192);
  const outputs = {
    "train.logits": out.logits,
    "train.seg_logits": out.segLogits,
    "train.loss": loss,
    ...Object.fromEntries(trainable.map(([name], i) => [`grad.${name}`, all[i]!])),
  };
  const layouts = new Map(trainable.map(([name, p]) => [`grad.${name}`, p]));
  const plan = await compile(gpu, graph, { ...variants, outputs });
  const describe = (name: string, data: Float32Array) => {
    const parameter = layouts.get(name);
    if (parameter) {
      const { shape, layout } = parameter;
      return { shape: torchShape(shape, layout), data: toTorch(data, shape, layout) };
    }
    if (name === "train.loss") return { shape: [3], data: Float32Array.of(data[0]!, data[64]!, data[128]!) };
    return { shape: name === "train.logits" ? [n, 2] : [n, 1, h, w], data };
  };
  return { plan, describe };
}

/** How far computed results are from a case file, and the bars that float32 should meet. */
export interface Comparison {
  what: string;
  error: number;
  bar: number;
}

/** Relative L2 error over the tensors with these names, taken as one vector. */
function relativeError(names: readonly string[], results: Results, tensors: Tensors): number {
  let difference = 0;
  let norm = 0;
  for (const name of names) {
    const expected = floats(tensors, name).data;
    const actual = results.get(name)!.data;
    for (let i = 0; i < expected.length; i++) {
      difference += (actual[i]! - expected[i]!) ** 2;
      norm += expected[i]! ** 2;
    }
  }
  const error = Math.sqrt(difference / Math.max(norm, Number.MIN_VALUE));
  // Values that are not finite must fail every bar.
  return Number.isFinite(error) ? error : Infinity;
}

const worstRelative = (actual: Float32Array, expected: Float32Array): number =>
  expected.reduce((worst, e, i) => {
    const error = Math.abs(actual[i]! - e) / Math.abs(e);
    return Math.max(worst, Number.isFinite(error) ? error : Infinity);
  }, 0);

/** Compares what `runCase` computed with the case file. */
export function compareCase(results: Results, tensors: Tensors): Comparison[] {
  const gradientNames = [...results.keys()].filter((name) => name.startsWith("grad."));
  const losses = results.get("steps.losses")!.data;
  const expected = floats(tensors, "steps.losses").data;
  return [
    { what: "logits", error: relativeError(["train.logits"], results, tensors), bar: 1e-4 },
    { what: "segmentation logits", error: relativeError(["train.seg_logits"], results, tensors), bar: 1e-4 },
    { what: "loss", error: relativeError(["train.loss"], results, tensors), bar: 1e-4 },
    { what: "all gradients", error: relativeError(gradientNames, results, tensors), bar: 2e-4 },
    { what: "first four losses", error: worstRelative(losses.subarray(0, 4), expected.subarray(0, 4)), bar: 1e-3 },
    { what: "all losses", error: worstRelative(losses, expected), bar: 2e-2 },
  ];
}
