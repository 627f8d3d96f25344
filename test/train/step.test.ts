/** The cost of one training step, and what happens if it fails. */
import { beforeAll, describe, expect, test } from "vitest";
import { readVariable } from "../../src/graph/storage.ts";
import { Adam, adamDefaults } from "../../src/optim/adam.ts";
import { DivergedError } from "../../src/loop/diverged.ts";
import { TrainingStep } from "../../src/train/step.ts";
import { Trainer } from "../../src/train/trainer.ts";
import type { TrainerEvents } from "../../src/train/training.ts";
import type { Batch } from "../../src/data/sample.ts";
import { everything, slow } from "../support/selection.ts";
import { useGpu } from "../support/gpu.ts";
import { mganetModel, stages, type Stage } from "../support/mganet.ts";
import { config, joint, MadeUpData } from "./support.ts";

const gpu = useGpu();
let batches: Batch[];
beforeAll(async () => {
  batches = [];
  for await (const batch of new MadeUpData().epoch(joint, { epoch: 0, startBatch: 0 })) batches.push(batch);
});

async function makeStep(stage: Stage) {
  const { net, phase } = mganetModel(config, 1);
  const adam = new Adam(phase(stage).slabs, adamDefaults);
  return { net, adam, step: await TrainingStep.create(gpu(), phase(stage), adam, config) };
}

describe.each(stages)("a step of the %s stage", (stage) => {
  test("is one submit and makes no buffer, one after the other or two at a time", async () => {
    const { step } = await makeStep(stage);
    const { counters } = gpu();
    await step.run(batches[0]!, 1e-3);
    const before = { ...counters };
    for (let i = 0; i < 10; i++) await step.run(batches[i % batches.length]!, 1e-3);
    let previous: Promise<unknown> = Promise.resolve();
    for (let i = 0; i < 10; i++) {
      const next = step.run(batches[i % batches.length]!, 1e-3);
      await previous;
      previous = next;
    }
    await previous;
    const { dispatches } = step.plan.summary;
    expect(counters).toEqual({
      ...before,
      submits: before.submits + 20,
      dispatches: before.dispatches + 20 * dispatches,
    });
    step.plan.destroy();
  });

  test("leaves parameters and moments alone when a pixel is NaN", () => expectLeft(NaN));
  test.each([Infinity, -Infinity])("leaves parameters and moments alone when a pixel is %d", slow, expectLeft);

  async function expectLeft(value: number) {
    const { net, adam, step } = await makeStep(stage);
    await step.run(batches[0]!, 1e-3);
    const state = async () => {
      const variables = [...net.parameters(), ...adam.state.map(([, v]) => v)];
      return Promise.all(variables.map((v) => readVariable(gpu(), v)));
    };
    const before = await state();
    const bad = { ...batches[1]!, image: batches[1]!.image.slice() };
    bad.image[1000] = value;
    const { finite } = await step.run(bad, 1e-3);
    expect(finite).toBe(false);
    expect(await state()).toEqual(before);
    const { message } = await step.diagnose(bad, 2);
    expect(message).toBe("step 2: loss or gradients are not finite; the first non-finite tensor: input image");
    expect((await step.run(batches[1]!, 1e-3)).finite).toBe(true);
    step.plan.destroy();
  }

  test("names the layer where something that is not finite arises", async () => {
    const { step } = await makeStep(stage);
    const huge = { ...batches[0]!, image: batches[0]!.image.map((v) => 1e38 * v) };
    expect((await step.run(huge, 1e-3)).finite).toBe(false);
    const { message } = await step.diagnose(huge, 1);
    expect(message).toMatch(
      /^step 1: .*: (segmenter\.encoder|classifier)\.\w+: [\w.]+( \(output \d\))?; a lower learning rate may help$/,
    );
    step.plan.destroy();
  });
});

/** Trains with these hooks until it ends or fails; what was saved, and how it ended. */
async function fit(data: MadeUpData, changes: Partial<typeof config> = {}) {
  const saved: string[] = [];
  const events: TrainerEvents = { save: (name) => Promise.resolve(void saved.push(name)) };
  const trainer = new Trainer(gpu(), { ...config, ...changes }, data);
  const outcome: unknown = await trainer.fit(events).catch((error: unknown) => error);
  return { saved, outcome };
}

describe("training ends with one line and leaves the checkpoint before as it is", () => {
  test.each([
    ["segmentation", 0, 2, 3, []],
    ["segmentation", 1, 3, 8, ["last"]],
    ["joint", 0, 0, 9, ["last", "last"]],
    ["joint", 1, 1, 13, ["last", "last", "best", "last"]],
  ] as const)("when a batch of the %s stage, epoch %d, holds NaN", slow, async (stage, epoch, index, step, saved) => {
    const onBatch = (batch: Batch, ...at: [string, number, number]) => {
      if (at.join() === [stage, epoch, index].join()) batch.image[5] = NaN;
    };
    const ended = await fit(new MadeUpData({ onBatch }));
    expect(ended.outcome).toBeInstanceOf(DivergedError);
    expect((ended.outcome as Error).message).toMatch(new RegExp(`^step ${step}: .* input image$`));
    expect(ended.saved).toEqual(saved);
  });

  test("when the variance of a layer overflows, although loss and gradients do not", slow, async () => {
    const onBatch = (batch: Batch, stage: string) => {
      if (stage === "joint") batch.image.forEach((v, i) => (batch.image[i] = 1e25 * v));
    };
    const { outcome, saved } = await fit(new MadeUpData({ onBatch }));
    expect(outcome).toBeInstanceOf(DivergedError);
    expect((outcome as Error).message).toBe("step 11: model.classifier.bn1.running_var is not finite");
    expect(saved).toEqual(["last", "last"]);
  });

  test("a learning rate beyond reason diverges or goes on, and does nothing else", async () => {
    for (const lr of everything ? [1, 1e10, 3e38] : [1e10]) {
      const { outcome } = await fit(new MadeUpData(), { lr, jointLr: lr });
      if (outcome instanceof Error) expect(outcome).toBeInstanceOf(DivergedError);
      else expect(outcome).toMatchObject({ finished: true });
    }
  });
});
