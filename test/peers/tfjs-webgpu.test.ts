import { expect, test } from "vitest";
import { BAR, stepErrors } from "../../bench/equality.ts";
import { tf } from "../../bench/peers/tfjs/library.ts";
import { peer } from "../../bench/peers/tfjs-webgpu/peer.ts";
import { expectSameSteps, sameGradients, usePair } from "./pair.ts";

const { setup, pair } = usePair(peer);

sameGradients("tfjs", pair);

test("it still does with the formulations that it finds fastest, and its steps are ours", async () => {
  const { ours, theirs } = pair();
  await ours.prepare();
  await theirs.prepare();
  expect((await stepErrors(ours, theirs, setup.batch)).gradients).toBeLessThan(BAR);
  await expectSameSteps({ ours, theirs });
});

test("its steps leave no tensors behind", async () => {
  const before = tf.memory().numTensors;
  await pair().theirs.step();
  expect(tf.memory().numTensors).toBe(before);
});
