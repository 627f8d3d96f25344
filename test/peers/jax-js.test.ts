import { afterAll, beforeAll, expect, test } from "vitest";
import { BAR, namedError, relativeError, stepErrors, UPDATE_BAR } from "../../bench/equality.ts";
import { OurStep } from "../../bench/ours/step.ts";
import { peer } from "../../bench/peers/jax-js/peer.ts";
import type { StepImplementation } from "../../bench/peers/peer.ts";
import { useGpu } from "../support/gpu.ts";
import { readReference } from "../bench/support.ts";

const gpu = useGpu();
const { setup, gradients } = readReference();
let ours: OurStep;
let theirs: StepImplementation;

beforeAll(async () => {
  ours = new OurStep(gpu(), setup);
  theirs = await peer.createStep!(gpu(), setup);
});

afterAll(async () => {
  ours.destroy();
  await theirs.destroy();
});

test("jax-js computes our loss and gradients, and PyTorch's", async () => {
  const errors = await stepErrors(ours, theirs, setup.batch);
  expect(errors.loss).toBeLessThan(1e-5);
  expect(errors.gradients).toBeLessThan(BAR);
  expect(namedError((await theirs.lossAndGradients(setup.batch)).gradients, gradients)).toBeLessThan(BAR);
});

test("its steps are ours", async () => {
  await ours.prepare();
  await theirs.prepare();
  for (let i = 0; i < 2; i++) {
    const [expected, actual] = [await ours.step(), await theirs.step()];
    expect(relativeError([[[actual], [expected]]])).toBeLessThan(BAR);
  }
  const [expected, actual] = [await ours.state(), await theirs.state()];
  const running = [...expected].filter(([name]) => name.includes(".running_"));
  expect(namedError(actual, new Map(running))).toBeLessThan(BAR);
  const moved = (state: ReadonlyMap<string, Float32Array>) =>
    new Map(
      [...setup.parameters]
        .filter(([, { trainable }]) => trainable)
        .map(([name, { data }]) => [name, state.get(name)!.map((value, i) => value - data[i]!)]),
    );
  expect(namedError(moved(actual), moved(expected))).toBeLessThan(UPDATE_BAR);
});
