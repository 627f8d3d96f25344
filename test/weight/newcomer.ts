import { crossEntropy, globalAvgPool, maxPool2d, relu, type Tensor } from "../../src/index.ts";
import { load, save } from "../../src/entries/io.ts";
import { BatchNorm2d, Conv2d, initialValues, Linear, Module } from "../../src/entries/nn.ts";
import { Adam } from "../../src/entries/optim.ts";
import { predictor, trainer } from "../../src/entries/train.ts";
import { openGpu } from "../../src/web/index.ts";

class Net extends Module {
  readonly conv1 = new Conv2d(1, 16, 3, { padding: 1 });
  readonly bn1 = new BatchNorm2d(16);
  readonly conv2 = new Conv2d(16, 32, 3, { padding: 1 });
  readonly fc = new Linear(32, 10);

  constructor() {
    super();
    this.finish(initialValues(0));
  }

  forward(x: Tensor): Tensor {
    const half = maxPool2d(relu(this.bn1.forward(this.conv1.forward(x))), { kernel: 2 });
    const quarter = maxPool2d(relu(this.conv2.forward(half)), { kernel: 2 });
    return this.fc.forward(globalAvgPool(quarter));
  }
}

export async function train(batches: AsyncIterable<{ image: Float32Array; label: Uint32Array }>, saved: Uint8Array, images: Float32Array) {
  const gpu = await openGpu();
  const net = new Net();
  load(gpu, net, saved);
  const training = trainer(gpu, net, {
    inputs: { image: [28, 28, 1], label: [] },
    loss: ({ image, label }) => crossEntropy(net.forward(image), label),
    optimizer: new Adam(net, { lr: 1e-3 }),
  });
  await training.fit(batches);
  const asked = predictor(gpu, net, { input: [28, 28, 1] });
  return { outputs: await asked.predict(images), file: await save(gpu, net) };
}
