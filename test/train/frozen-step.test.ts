/** A training step in which the segmentation branch stays as an earlier model left it. */
import { beforeAll, expect, test } from "vitest";
import { batchNorm2d } from "../../src/autograd/batchnorm.ts";
import { add, mean, scale } from "../../src/autograd/elementwise.ts";
import { crossEntropy, diceLoss } from "../../src/autograd/losses.ts";
import type { Batch } from "../../src/data/sample.ts";
import { compile } from "../../src/graph/compile.ts";
import { Graph } from "../../src/graph/graph.ts";
import { MGANet } from "../../src/models/mganet/network.ts";
import type { Phase } from "../../src/models/model.ts";
import { initialValues } from "../../src/nn/init.ts";
import { BatchNorm2d, Linear } from "../../src/nn/layers.ts";
import { Module } from "../../src/nn/module.ts";
import { Adam, adamDefaults, slabsOf } from "../../src/optim/adam.ts";
import { parseCheckpoint, start, writeCheckpoint } from "../../src/train/checkpoint.ts";
import type { RunSource } from "../../src/train/initial.ts";
import { Predictor } from "../../src/train/predictor.ts";
import { TrainingStep } from "../../src/train/step.ts";
import { useGpu } from "../support/gpu.ts";
import { mganetModel, type MGANetConfig } from "../support/mganet.ts";
import { relativeError } from "../support/reference.ts";
import { earlier, frozenOf } from "./earlier.ts";
import { config, joint, MadeUpData } from "./support.ts";

const gpu = useGpu();

class Holder extends Module {}

let source: RunSource;
let batches: Batch[];
beforeAll(async () => {
  ({ source } = await earlier(gpu()));
  batches = [];
  for await (const batch of new MadeUpData().epoch(joint, { epoch: 0, startBatch: 0 })) batches.push(batch);
});

/** The gradients of a first step, from Adam's moments. */
async function gradientsOf(net: Module, adam: Adam) {
  const bytes = await writeCheckpoint(gpu(), net, adam, { config, position: start, best: undefined });
  const { moments } = parseCheckpoint(bytes, "step");
  return new Map([...moments].filter(([name]) => name.startsWith("exp_avg.")));
}

test("a frozen step's losses and gradients are those of a network that is given the masks of inference", async () => {
  const batch = batches[0]!;
  const settings = frozenOf(source);
  const step = mganetModel(settings);
  step.net.loadStateDict(gpu(), source.checkpoint.model);
  const adam = new Adam(step.phase("joint").slabs, adamDefaults);
  const compiled = await TrainingStep.create(gpu(), step.phase("joint"), adam, settings);
  const { losses } = await compiled.run(batch, 1e-3);

  const net = new MGANet({ width: config.width, fusion: config.fusion, at: config.at });
  net.loadStateDict(gpu(), source.checkpoint.model);
  const inference = await Predictor.create(gpu(), (x) => ({ mask: net.segment(x).mask }), { batch: 4, size: [32, 32] });
  const masks = await inference.predict(batch.image);
  const mask = Float32Array.from(masks.flatMap((prediction) => Array.from(prediction.mask!)));
  const graph = new Graph({ training: true });
  const given = graph.input("mask", [4, 32, 32, 1]);
  const { logits } = net.classify(graph.input("image", [4, 32, 32, 3]), given);
  const cls = crossEntropy(logits, graph.input("label", [4], "u32"));
  const seg = diceLoss(given, graph.input("target", [4, 32, 32, 1]));
  const loss = add(cls, scale(seg, settings.alpha));
  const parameters = net.parameters().filter(({ name }) => !name.startsWith("segmenter."));
  const other = new Adam(slabsOf(parameters));
  const plan = await compile(gpu(), graph, { outputs: { loss, cls, seg }, updates: other.record(graph, loss).updates });
  const { image, label, target } = batch;
  const expected = await plan.run({ image, label, target, mask, adam: other.advance(1e-3) });
  for (const name of ["loss", "cls", "seg"] as const)
    expect(losses[name]! / expected[name][0]!, name).toBeCloseTo(1, 6);
  const [found, wanted] = [await gradientsOf(step.net, adam), await gradientsOf(net, other)];
  expect([...found.keys()].sort()).toEqual([...wanted.keys()].sort());
  for (const [name, { data }] of wanted) expect(relativeError(found.get(name)!.data, data), name).toBeLessThan(1e-4);
  for (const each of [compiled.plan, plan, inference]) each.destroy();
  for (const each of [step.net, net]) each.release(gpu());
});

test("a frozen layer that does not record within its path is refused instead of changed", () => {
  const [fc, bn] = [new Linear(3, 1), new BatchNorm2d(3)];
  Object.assign(new Holder(), { fc, bn }).finish(initialValues(0));
  const { weight, bias, running_mean: runningMean, running_var: runningVar } = bn;
  const phase: Phase = {
    ...{ name: "training", title: "Training", inputs: [], best: undefined, classifies: false, learningRate: 1e-3 },
    ...{ slabs: slabsOf(fc.parameters()), frozen: bn },
    record: ({ image }) => ({ loss: mean(fc.forward(batchNorm2d(image, { weight, bias, runningMean, runningVar }))) }),
    infer: () => ({}),
  };
  expect(() => TrainingStep.kernels(phase, config)).toThrow(
    ": batchNorm.stats would change bn.running_mean, which is frozen",
  );
});

test("a frozen step is smaller: fewer nodes, operations and bytes", async () => {
  const summaryOf = async (settings: MGANetConfig) => {
    const { net, phase } = mganetModel(settings);
    const step = await TrainingStep.create(gpu(), phase("joint"), new Adam(phase("joint").slabs), settings);
    step.plan.destroy();
    net.release(gpu());
    return step.plan.summary;
  };
  const [whole, kept] = [await summaryOf(config), await summaryOf(frozenOf(source))];
  expect(kept.flops).toBeLessThan(0.7 * whole.flops);
  expect(kept.peakBytes).toBeLessThan(0.7 * whole.peakBytes);
  expect(kept.nodes).toBeLessThan(0.8 * whole.nodes);
});
