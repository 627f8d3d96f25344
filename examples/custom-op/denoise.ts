/** Checks the op, then trains a network with it that takes the noise out of short signals: `npx tsx examples/custom-op/denoise.ts`. */
import { mseLoss } from "mganet-webgpu";
import { Linear, Sequential } from "mganet-webgpu/nn";
import { openGpu } from "mganet-webgpu/node";
import { checkOp } from "mganet-webgpu/ops";
import { Adam } from "mganet-webgpu/optim";
import { trainer } from "mganet-webgpu/train";
import { normal, uniform } from "../random.ts";
import { reference, SoftThreshold, softThreshold } from "./soft-threshold.ts";

using gpu = await openGpu();

const thresholds = (size: number) => ({
  shape: [size],
  values: Float32Array.from({ length: size }, (_, i) => 0.1 + (0.6 * i) / size),
});
const checked = await checkOp(
  gpu,
  softThreshold,
  { one: [[1, 1], thresholds(1)], odd: [[7, 5], thresholds(5)], large: [[30, 33], thresholds(33)] },
  { reference },
);
console.log(`softThreshold: ${checked.length} comparisons, values and gradients agree with the reference`);

const LENGTH = 32;
const NOISE = 0.5;
const next = uniform(1);
const noise = normal(next);

/** Signals of two waves each, with and without noise, [N, LENGTH]. */
function signals(count: number) {
  const clean = new Float32Array(count * LENGTH);
  for (let n = 0; n < count; n++) {
    const waves = [0, 1].map(() => ({ height: noise(), turns: Math.floor(next() * LENGTH) }));
    for (let i = 0; i < LENGTH; i++)
      for (const { height, turns } of waves)
        clean[n * LENGTH + i]! += height * Math.cos((Math.PI / LENGTH) * (i + 0.5) * turns);
  }
  return { noisy: clean.map((value) => value + NOISE * noise()), clean };
}

const net = new Sequential(...[new Linear(LENGTH, 64), new SoftThreshold(64), new Linear(64, LENGTH)]).finish(0);
using training = trainer(gpu, net, {
  inputs: { noisy: [LENGTH], clean: [LENGTH] },
  loss: ({ noisy, clean }) => mseLoss(net.forward(noisy), clean),
  optimizer: new Adam(net, { lr: 3e-3 }),
});
await training.fit(() => Array.from({ length: 100 }, () => signals(100)), {
  epochs: 8,
  onEpoch: ({ epoch, loss }) => console.log(`epoch ${epoch}: squared error ${loss.toFixed(4)}`),
});
const { loss } = await training.evaluate([signals(1000)]);
console.log(`squared error of other signals: ${loss.toFixed(4)}, before ${(NOISE ** 2).toFixed(4)}`);
