/** A predictor checks its inputs and uses the network's current weights. */
import { expect, test } from "vitest";
import { writeVariable } from "../../src/graph/storage.ts";
import type { MGANet } from "../../src/models/mganet/network.ts";
import { Predictor, probabilitiesOf } from "../../src/train/predictor.ts";
import { useGpu } from "../support/gpu.ts";
import { mganetModel } from "../support/mganet.ts";
import { config } from "./support.ts";

const gpu = useGpu();
const options = { batch: 2, size: [32, 32] } as const;
const predictorOf = (net: MGANet, more = {}) => Predictor.create(gpu(), (x) => net.forward(x), { ...options, ...more });
const image = new Float32Array(32 * 32 * 3).map((_, i) => Math.sin(i));

test("images are whole ones of f32, of sides that the network takes", async () => {
  const { net } = mganetModel(config);
  const predictor = await predictorOf(net);
  await expect(predictor.predict(image.subarray(3))).rejects.toThrow(
    "image holds 3069 values, not a multiple of the 3072 of one image",
  );
  const bytes = new Uint8Array(3072) as unknown as Float32Array;
  await expect(predictor.predict(bytes)).rejects.toThrow("image holds f32, got a Uint8Array: pass a Float32Array");
  await expect(predictorOf(net, { size: [40, 32] })).rejects.toThrow(
    "UNet: an image [2, 40, 32, 3] is not [N, H, W, 3] with H and W multiples of 32",
  );
  predictor.destroy();
});

test("weights that are loaded or written count at once", async () => {
  const [{ net }, { net: other }] = [mganetModel(config, 1), mganetModel(config, 2)];
  const [predictor, expected] = [await predictorOf(net), await predictorOf(other)];
  const before = await predictor.predict(image);
  net.loadStateDict(gpu(), await other.stateDict(gpu()));
  expect(await predictor.predict(image)).toEqual(await expected.predict(image));
  expect(await predictor.predict(image)).not.toEqual(before);
  writeVariable(gpu(), net.fc.bias, Float32Array.of(100, 0));
  expect((await predictor.predict(image))[0]!.probabilities![1]).toBeLessThan(1e-9);
  for (const each of [predictor, expected]) each.destroy();
});

test("probabilities are the softmax of the logits, however large", () => {
  const logs = [1, 2, 5].map(Math.log);
  for (const shift of [0, 1000, -1000]) {
    const shares = probabilitiesOf(logs.map((log) => log + shift));
    for (const [i, share] of [1 / 8, 2 / 8, 5 / 8].entries()) expect(shares[i]).toBeCloseTo(share, 10);
    const [first, second] = probabilitiesOf([shift, shift + Math.log(3)]);
    expect(first).toBeCloseTo(0.25, 10);
    expect(second).toBeCloseTo(0.75, 10);
  }
});
