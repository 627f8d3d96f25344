/** A page that trains a small network of its own: what it must load of the library is the core's weight. */
import { compile, crossEntropy, globalAvgPool, Gpu, Graph, maxPool2d, relu, type Tensor } from "../../src/index.ts";
import { parseSafetensors } from "../../src/entries/io.ts";
import { BatchNorm2d, Conv2d, initialValues, Linear, Module } from "../../src/entries/nn.ts";
import { Adam, adamDefaults } from "../../src/entries/optim.ts";

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

/** @param saved weights in a safetensors file */
export async function train(batches: AsyncIterable<{ image: Float32Array; label: Uint32Array }>, saved: Uint8Array) {
  const gpu = await Gpu.create(await navigator.gpu.requestAdapter());
  const net = new Net();
  net.loadStateDict(gpu, parseSafetensors(saved, "the file").tensors);
  const graph = new Graph({ training: true });
  const logits = net.forward(graph.input("image", [32, 28, 28, 1]));
  const loss = crossEntropy(logits, graph.input("label", [32], "u32"));
  const adam = new Adam(net, { ...adamDefaults, lr: 1e-3 });
  const step = await compile(gpu, graph, { outputs: { loss }, updates: adam.record(graph, loss).updates });
  const losses: number[] = [];
  for await (const batch of batches) {
    const found = await step.run({ ...batch, adam: adam.advance() });
    losses.push(found.loss[0]!);
  }
  return { losses, weights: await net.stateDict(gpu) };
}
