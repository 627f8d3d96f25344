/** A small convolutional network for the digits: how it is built, trained and asked, on Node and in a page alike. */
import { crossEntropy, type Gpu } from "mganet-webgpu";
import { BatchNorm2d, Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential } from "mganet-webgpu/nn";
import { Adam, cosineAnnealingLR } from "mganet-webgpu/optim";
import { predictor, trainer } from "mganet-webgpu/train";
import { batches, drawDigits, SIDE, type Digits } from "./digits.ts";

const conv = (from: number, to: number) => [
  new Conv2d(from, to, 3, { padding: 1, bias: false }),
  new BatchNorm2d(to),
  new ReLU(),
];

/** Images [N, 16, 16, 1] to logits [N, 10]. */
export const network = () =>
  new Sequential(
    ...[...conv(1, 16), new MaxPool2d(2), ...conv(16, 32), new MaxPool2d(2)],
    ...[new Flatten(), new Linear(32 * 4 * 4, 10)],
  ).finish(0);

/** Trains it for four epochs of 2,000 new digits each. */
export async function train(gpu: Gpu, net: Sequential, say: (text: string) => void): Promise<void> {
  const [epochs, count, size] = [4, 2000, 40];
  using training = trainer(gpu, net, {
    inputs: { image: [SIDE, SIDE, 1], label: [] },
    loss: ({ image, label }) => crossEntropy(net.forward(image), label),
    optimizer: new Adam(net, { lr: 1e-2 }),
    schedule: cosineAnnealingLR({ tMax: (epochs * count) / size }),
  });
  await training.fit((epoch) => batches(drawDigits(count, epoch), size), {
    epochs,
    onEpoch: ({ epoch, loss }) => say(`epoch ${epoch}: loss ${loss.toFixed(3)}`),
  });
}

/** The digit that the network takes each image for. */
export async function read(gpu: Gpu, net: Sequential, image: Float32Array): Promise<Uint32Array> {
  using asked = predictor(gpu, net, { input: [SIDE, SIDE, 1], batch: 100 });
  const logits = await asked.predict(image);
  return Uint32Array.from({ length: logits.length / 10 }, (_, i) => {
    const ten = logits.subarray(i * 10, i * 10 + 10);
    return ten.indexOf(Math.max(...ten));
  });
}

/** The share of digits that are read as what they are. */
export const accuracy = (found: Uint32Array, { label }: Digits): number =>
  found.filter((digit, i) => digit === label[i]).length / label.length;
