/** Recomputing activations: the same bits in less memory. */
import { describe, expect, test } from "vitest";
import { readVariable, releaseVariables } from "../../../src/graph/storage.ts";
import { fusions } from "../../../src/models/mganet/network.ts";
import { Adam, adamDefaults } from "../../../src/optim/adam.ts";
import { TrainingStep } from "../../../src/train/step.ts";
import type { Batch } from "../../../src/data/sample.ts";
import { useGpu } from "../../support/gpu.ts";
import { mganetModel, stages, type Stage } from "../../support/mganet.ts";
import { config, joint, MadeUpData } from "../../train/support.ts";
import { slow } from "../../support/selection.ts";

const gpu = useGpu();

/** Losses of three steps, what they made of the network, and the memory that they took. */
async function train(stage: Stage, fusion: (typeof fusions)[number], recompute: boolean) {
  const { net, phase } = mganetModel({ ...config, fusion }, 1);
  const adam = new Adam(phase(stage).slabs, adamDefaults);
  const step = await TrainingStep.create(gpu(), phase(stage), adam, { ...config, recompute });
  const losses: unknown[] = [];
  for await (const batch of new MadeUpData().epoch(joint, { epoch: 0, startBatch: 0 }) as AsyncIterable<Batch>) {
    losses.push(await step.run(batch, 1e-2));
  }
  const parameters = [...net.named()].map(([, p]) => p);
  const state = await Promise.all(parameters.map((p) => readVariable(gpu(), p)));
  for (const [i, { variables, offsets }] of adam.slabs.entries()) {
    for (const moment of Object.values(adam.moments[i]!)) {
      const flat = await readVariable(gpu(), moment);
      // What lies between the parameters of a slab is undefined.
      for (const [k, { size }] of variables.entries()) state.push(flat.slice(offsets[k], offsets[k]! + size));
    }
  }
  const { summary, steps } = step.plan;
  step.plan.destroy();
  releaseVariables(gpu(), [...parameters, ...adam.state.map(([, v]) => v)]);
  return { losses, state, summary, labels: steps.map((s) => s.label) };
}

describe.each(stages)("a step of the %s stage that recomputes", (stage) => {
  const all = stage === "joint" ? fusions : (["none"] as const);
  const main = all.filter((fusion) => ["parallel", "none"].includes(fusion));
  const others = all.filter((fusion) => !main.includes(fusion));
  test.each(main)("fusion %s: same bits, less memory", (fusion) => expectSame(fusion));
  test.each(others)("fusion %s: same bits, less memory", slow, (fusion) => expectSame(fusion));

  async function expectSame(fusion: (typeof fusions)[number]) {
    const kept = await train(stage, fusion, false);
    const again = await train(stage, fusion, true);
    expect(again.losses).toEqual(kept.losses);
    for (const [i, values] of again.state.entries()) {
      expect(values.every((v, k) => Object.is(v, kept.state[i]![k]))).toBe(true);
    }
    expect(again.state.length).toBe(kept.state.length);
    expect(kept.losses.length).toBe(3);
    // What it is for. Images this small have much of their memory in scratch and weight gradients.
    expect(again.summary.peakBytes).toBeLessThan(0.85 * kept.summary.peakBytes);
    // No kernel runs more than twice, and no convolution does.
    const count = (labels: string[], name: string) => labels.filter((label) => label.endsWith(name)).length;
    expect(count(again.labels, ": conv2d")).toBe(count(kept.labels, ": conv2d"));
    expect(count(again.labels, ": batchNorm")).toBeGreaterThan(count(kept.labels, ": batchNorm"));
    expect(count(again.labels, ": batchNorm")).toBeLessThanOrEqual(2 * count(kept.labels, ": batchNorm"));
    expect(count(again.labels, ": batchNorm.stats")).toBe(count(kept.labels, ": batchNorm.stats"));
  }
});
