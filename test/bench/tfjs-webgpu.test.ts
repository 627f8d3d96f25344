import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BAR, namedError, relativeError, stepErrors } from "../../bench/equality.ts";
import { OurStep } from "../../bench/ours/step.ts";
import type { ParameterValue, StepImplementation, StepSetup } from "../../bench/peers/peer.ts";
import { tf } from "../../bench/peers/tfjs/library.ts";
import { peer as tfjsWebgpu } from "../../bench/peers/tfjs-webgpu/peer.ts";
import { parseSafetensors } from "../../src/data/safetensors.ts";
import { MGANet } from "../../src/models/mganet.ts";
import { fromTorch, permute } from "../../src/nn/layout.ts";
import { parseCase } from "../../src/train/parity.ts";
import { useGpu } from "../support/gpu.ts";

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

/** PyTorch's smallest case of parallel fusion at all scales: the setup, and the gradients, in our layout. */
function readReference(): { setup: StepSetup; gradients: Map<string, Float32Array> } {
  const file = "mganet-parallel.safetensors";
  const { metadata, tensors } = parseSafetensors(
    readFileSync(new URL(`../reference/data/${file}`, import.meta.url)),
    file,
  );
  const { model, batch: n, height, width, alpha, lr } = parseCase(metadata);
  const floats = (name: string) => tensors.get(name)!.data as Float32Array;
  const parameters = new Map<string, ParameterValue>();
  const gradients = new Map<string, Float32Array>();
  for (const [name, { shape, layout, trainable }] of new MGANet(model).named()) {
    parameters.set(name, { shape, data: fromTorch(floats(`init.${name}`), shape, layout), trainable });
    if (trainable) gradients.set(name, fromTorch(floats(`grad.${name}`), shape, layout));
  }
  const batch = {
    image: permute(floats("in.image"), [n, 3, height, width], [0, 2, 3, 1]),
    label: Uint32Array.from(tensors.get("in.label")!.data as Int32Array),
    target: floats("in.target"),
    ids: Array.from({ length: n }, (_, i) => String(i)),
  };
  return { setup: { model, size: [height, width], batch, alpha, lr, parameters }, gradients };
}
