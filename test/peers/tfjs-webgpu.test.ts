import { afterAll, beforeAll, expect, test } from "vitest";
import { BAR, namedError, relativeError, stepErrors } from "../../bench/equality.ts";
import { OurStep } from "../../bench/ours/step.ts";
import type { StepImplementation } from "../../bench/peers/peer.ts";
import { tf } from "../../bench/peers/tfjs/library.ts";
import { peer as tfjsWebgpu } from "../../bench/peers/tfjs-webgpu/peer.ts";
import { useGpu } from "../support/gpu.ts";
import { readReference } from "../bench/support.ts";

const gpu = useGpu();
const { setup, gradients } = readReference();
let ours: OurStep;
let theirs: StepImplementation;

beforeAll(async () => {
  ours = new OurStep(gpu(), setup);
  theirs = await tfjsWebgpu.createStep!(gpu(), setup);
});

afterAll(async () => {
  ours.destroy();
  await theirs.destroy();
});

test("tfjs computes our loss and gradients, and PyTorch's", async () => {
  const errors = await stepErrors(ours, theirs, setup.batch);
  expect(errors.loss).toBeLessThan(1e-5);
  expect(errors.gradients).toBeLessThan(BAR);
  expect(namedError((await theirs.lossAndGradients(setup.batch)).gradients, gradients)).toBeLessThan(BAR);
});

test("it still does with the formulations that it finds fastest, and its steps are ours", async () => {
  await ours.prepare();
  await theirs.prepare();
  expect((await stepErrors(ours, theirs, setup.batch)).gradients).toBeLessThan(BAR);
  for (let i = 0; i < 2; i++) {
    const [expected, actual] = [await ours.step(), await theirs.step()];
    expect(relativeError([[[actual], [expected]]])).toBeLessThan(BAR);
  }
  const running = [...(await ours.state())].filter(([name]) => name.includes(".running_"));
  expect(namedError(await theirs.state(), new Map(running))).toBeLessThan(BAR);
});

test("its steps leave no tensors behind", async () => {
  const before = tf.memory().numTensors;
  await theirs.step();
  expect(tf.memory().numTensors).toBe(before);
});
