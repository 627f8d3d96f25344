/** Every peer's inference agrees with ours. */
import { beforeAll, expect, test } from "vitest";
import { relativeError } from "../../bench/equality.ts";
import { createInference } from "../../bench/ours/inference.ts";
import { allPeers } from "../../bench/peers/all.ts";
import type { Inferred, InferenceSetup } from "../../bench/peers/peer.ts";
import { inferenceSetup, quickSize } from "../../bench/setup.ts";
import { useGpu } from "../support/gpu.ts";

const gpu = useGpu();
let setup: InferenceSetup;
let expected: Inferred;

beforeAll(async () => {
  const options = { ...quickSize.options, width: 1 / 16 };
  setup = await inferenceSetup(gpu(), { ...quickSize, options, size: [64, 64] });
  const ours = await createInference(gpu(), setup);
  expected = await ours.infer();
  await ours.destroy();
});

test("what is inferred depends on the image and is no constant", () => {
  const { mask, malignant } = expected;
  expect(malignant[0]).toBeGreaterThan(0.001);
  expect(malignant[0]).toBeLessThan(0.999);
  expect(Math.max(...mask!) - Math.min(...mask!)).toBeGreaterThan(0.01);
});

test.each(allPeers.map((peer) => [peer.name, peer] as const))("%s infers the same, time and again", async (_, peer) => {
  const theirs = await peer.createInference!(gpu(), setup);
  for (let i = 0; i < 2; i++) {
    const { malignant, mask } = await theirs.infer();
    expect(relativeError([[malignant, expected.malignant]])).toBeLessThan(1e-4);
    expect(relativeError([[mask!, expected.mask!]])).toBeLessThan(1e-4);
  }
  await theirs.destroy();
});
