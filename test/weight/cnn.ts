/** What a page writes that trains a small network of its own and asks it: what it must load for that is the library's weight. */
import { crossEntropy, globalAvgPool, maxPool2d, relu, type Tensor } from "../../src/index.ts";
import { load, save } from "../../src/entries/io.ts";
import { BatchNorm2d, Conv2d, initialValues, Linear, Module } from "../../src/entries/nn.ts";
import { Adam } from "../../src/entries/optim.ts";
import { predictor, trainer } from "../../src/entries/train.ts";
import { openGpu } from "../../src/web/index.ts";

class Net extends Module {
  readonly conv1 = new Conv2d(1, 16, 3, { padding: 1, bias: false });
  readonly bn1 = new BatchNorm2d(16);
  readonly conv2 = new Conv2d(16, 32, 3, { padding: 1, bias: false });
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

/** Images [N, 28, 28, 1], and their classes. */
interface Batch {
  image: Float32Array;
  label: Uint32Array;
}

/** Trains a network, and reads the images of the first batch by its file. */
export async function train(batches: readonly Batch[]) {
  const gpu = await openGpu();
  const net = new Net();
  const losses: number[] = [];
  const training = trainer(gpu, net, {
    inputs: { image: [28, 28, 1], label: [] },
    loss: ({ image, label }) => crossEntropy(net.forward(image), label),
    optimizer: new Adam(net, { lr: 1e-2 }),
  });
  await training.fit(batches, { onStep: ({ loss }) => void losses.push(loss) });
  const file = await save(gpu, net);
  const again = new Net();
  await load(gpu, again, file);
  const logits = await predictor(gpu, again, { input: [28, 28, 1] }).predict(batches[0]!.image);
  gpu.destroy();
  return { losses, file, logits };
}
