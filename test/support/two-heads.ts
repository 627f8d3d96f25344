/** A small net with two heads, one of which a loss may leave out. */
import { add, mul, scale, sum } from "../../src/autograd/elementwise.ts";
import { crossEntropy } from "../../src/autograd/losses.ts";
import { globalAvgPool } from "../../src/autograd/spatial.ts";
import { Graph } from "../../src/graph/graph.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { initialValues } from "../../src/nn/init.ts";
import { BatchNorm2d, Conv2d, Linear } from "../../src/nn/layers.ts";
import { Module } from "../../src/nn/module.ts";

export class TwoHeads extends Module {
  readonly conv = new Conv2d(3, 8, 3, { padding: 1, bias: false });
  readonly bn = new BatchNorm2d(8);
  readonly fc = new Linear(8, 3);
  readonly aux = new Linear(8, 2);

  constructor() {
    super();
    this.finish(initialValues(1));
  }

  features(x: Tensor): Tensor {
    return globalAvgPool(this.bn.forward(this.conv.forward(x), { relu: true }));
  }
}

export const image = new Float32Array(4 * 8 * 8 * 3).map((_, i) => Math.sin(i * i));
export const label = Uint32Array.of(0, 1, 2, 0);

/** Losses of one step: of the classifier, and of both heads. */
export function lossesOf(net: TwoHeads, graph = new Graph({ training: true })) {
  const features = net.features(graph.input("image", [4, 8, 8, 3]));
  const main = crossEntropy(net.fc.forward(features), graph.input("label", [4], "u32"));
  const other = sum(mul(net.aux.forward(features), net.aux.forward(features)));
  return { graph, main, both: add(main, scale(other, 0.1)) };
}
