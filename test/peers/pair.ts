/** Our training step and a peer's, at PyTorch's smallest case. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { BAR, namedError, relativeError, stepErrors } from "../../bench/equality.ts";
import { OurStep } from "../../bench/ours/step.ts";
import type { Peer, StepImplementation } from "../../bench/peers/peer.ts";
import { readReference } from "../bench/support.ts";
import { useGpu } from "../support/gpu.ts";

const { setup, gradients } = readReference();

/** Makes both for the tests of a file. They are to be asked for within tests only. */
export function usePair(peer: Peer) {
  const gpu = useGpu();
  let [ours, theirs]: [OurStep?, StepImplementation?] = [];
  beforeAll(async () => {
    ours = new OurStep(gpu(), setup);
    theirs = await peer.createStep!(gpu(), setup);
  });
  afterAll(async () => {
    ours?.destroy();
    await theirs?.destroy();
  });
  return { setup, pair: () => ({ ours: ours!, theirs: theirs! }) };
}

type Pair = ReturnType<typeof usePair>["pair"];

/** Declares the test that both, and PyTorch, compute the same loss and gradients. */
export function sameGradients(name: string, pair: Pair): void {
  test(`${name} computes our loss and gradients, and PyTorch's`, async () => {
    const { ours, theirs } = pair();
    const errors = await stepErrors(ours, theirs, setup.batch);
    expect(errors.loss).toBeLessThan(1e-5);
    expect(errors.gradients).toBeLessThan(BAR);
    expect(namedError((await theirs.lossAndGradients(setup.batch)).gradients, gradients)).toBeLessThan(BAR);
  });
}

/** Takes two steps with both. */
export async function expectSameSteps({ ours, theirs }: ReturnType<Pair>): Promise<void> {
  for (let i = 0; i < 2; i++) {
    const [expected, actual] = [await ours.step(), await theirs.step()];
    expect(relativeError([[[actual], [expected]]])).toBeLessThan(BAR);
  }
  const running = [...(await ours.state())].filter(([name]) => name.includes(".running_"));
  expect(namedError(await theirs.state(), new Map(running))).toBeLessThan(BAR);
}
