/** Inception v3 (Szegedy et al. 2016) at any width, named as torchvision's inception_v3 (without transform_input). */
import { dropout } from "../../autograd/dropout.ts";
import { globalAvgPool, maxPool2d } from "../../autograd/spatial.ts";
import { graphOf } from "../../graph/graph.ts";
import { requireTensors, type Tensor } from "../../graph/tensor.ts";
import { requireShape, requireWhole } from "../../kernels/kernel.ts";
import { fanInUniform, truncatedNormal } from "../../nn/draws.ts";
import { initialValuesBy } from "../../nn/init.ts";
import { Linear } from "../../nn/layers.ts";
import { Module } from "../../nn/module.ts";
import { eights } from "../shared/width.ts";
import { Auxiliary, BasicConv, InceptionA, InceptionB, InceptionC, InceptionD, InceptionE } from "./blocks.ts";

/** How an Inception v3 is built. */
export interface InceptionOptions {
  /** Factor on all channel counts; default 1. */
  width?: number;
  /** Classes K; default 2. */
  classes?: number;
}

/** Below it nothing is left for the last reduction. */
export const LEAST_SIDE = 75;
const DROPPED = 0.5;

/** Inception v3 (Szegedy et al. 2016), named as in torchvision. */
export class Inception extends Module {
  readonly Conv2d_1a_3x3: BasicConv;
  readonly Conv2d_2a_3x3: BasicConv;
  readonly Conv2d_2b_3x3: BasicConv;
  readonly Conv2d_3b_1x1: BasicConv;
  readonly Conv2d_4a_3x3: BasicConv;
  readonly Mixed_5b: InceptionA;
  readonly Mixed_5c: InceptionA;
  readonly Mixed_5d: InceptionA;
  readonly Mixed_6a: InceptionB;
  readonly Mixed_6b: InceptionC;
  readonly Mixed_6c: InceptionC;
  readonly Mixed_6d: InceptionC;
  readonly Mixed_6e: InceptionC;
  readonly AuxLogits: Auxiliary;
  readonly Mixed_7a: InceptionD;
  readonly Mixed_7b: InceptionE;
  readonly Mixed_7c: InceptionE;
  readonly fc: Linear;
  readonly #seed: number;

  /** @throws ShapeError for options from which no network can be built */
  constructor({ width = 1, classes = 2 }: InceptionOptions = {}, seed = 0) {
    requireWhole("Inception", "classes", classes, 2);
    super();
    const c = (channels: number) => eights(channels, width);
    this.Conv2d_1a_3x3 = new BasicConv(3, c(32), 3, { stride: 2 });
    this.Conv2d_2a_3x3 = new BasicConv(c(32), c(32), 3);
    this.Conv2d_2b_3x3 = new BasicConv(c(32), c(64), 3, { padding: 1 });
    this.Conv2d_3b_1x1 = new BasicConv(c(64), c(80), 1);
    this.Conv2d_4a_3x3 = new BasicConv(c(80), c(192), 3);
    this.Mixed_5b = new InceptionA(c(192), c, 32);
    this.Mixed_5c = new InceptionA(this.Mixed_5b.channels, c, 64);
    this.Mixed_5d = new InceptionA(this.Mixed_5c.channels, c, 64);
    this.Mixed_6a = new InceptionB(this.Mixed_5d.channels, c);
    this.Mixed_6b = new InceptionC(this.Mixed_6a.channels, c, 128);
    this.Mixed_6c = new InceptionC(this.Mixed_6b.channels, c, 160);
    this.Mixed_6d = new InceptionC(this.Mixed_6c.channels, c, 160);
    this.Mixed_6e = new InceptionC(this.Mixed_6d.channels, c, 192);
    this.AuxLogits = new Auxiliary(this.Mixed_6e.channels, c, classes);
    this.Mixed_7a = new InceptionD(this.Mixed_6e.channels, c);
    this.Mixed_7b = new InceptionE(this.Mixed_7a.channels, c);
    this.Mixed_7c = new InceptionE(this.Mixed_7b.channels, c);
    this.fc = new Linear(this.Mixed_7c.channels, classes);
    this.#seed = seed;
    this.finish(initialValues(seed));
  }

  /**
   * Image [N, H, W, 3] of at least 75×75 -> class logits [N, K] and, in training graphs, those of the auxiliary head; the mean [N, C] of the
   * last features, which the logits are a linear function of; the features before each reduction, and the last.
   * @param step the number of the training step, for dropout; without it nothing is dropped
   * @throws ShapeError for smaller images
   */
  forward(x: Tensor, step?: Tensor): { logits: Tensor; auxLogits?: Tensor; pooled: Tensor; scales: Tensor[] } {
    requireTensors("Inception", x);
    const [, h, w] = x.shape as [number, number, number];
    requireShape(
      Math.min(h, w) >= LEAST_SIDE,
      () => `Inception: images must be at least ${LEAST_SIDE}×${LEAST_SIDE} pixels, got ${h}×${w}`,
    );
    const stem = this.Conv2d_2b_3x3.forward(this.Conv2d_2a_3x3.forward(this.Conv2d_1a_3x3.forward(x)));
    const second = this.Conv2d_4a_3x3.forward(this.Conv2d_3b_1x1.forward(maxPool2d(stem, { kernel: 3, stride: 2 })));
    let y = maxPool2d(second, { kernel: 3, stride: 2 });
    for (const mixed of [this.Mixed_5b, this.Mixed_5c, this.Mixed_5d]) y = mixed.forward(y);
    const fifth = y;
    for (const mixed of [this.Mixed_6a, this.Mixed_6b, this.Mixed_6c, this.Mixed_6d, this.Mixed_6e])
      y = mixed.forward(y);
    const sixth = y;
    const aux = this.scoped(x, () => graphOf(x).follow("Inception")) ? { auxLogits: this.AuxLogits.forward(y) } : {};
    for (const mixed of [this.Mixed_7a, this.Mixed_7b, this.Mixed_7c]) y = mixed.forward(y);
    const pooled = globalAvgPool(y);
    const dropped = this.scoped(x, () => dropout(pooled, { p: DROPPED, layer: 0, seed: this.#seed, step }));
    return { logits: this.fc.forward(dropped), ...aux, pooled, scales: [stem, second, fifth, sixth, y] };
  }
}

/** torchvision's: weights with deviation 0.1 (0.001 in the auxiliary head's linear layer), biases of linear layers PyTorch's. */
const initialValues = (seed: number) =>
  initialValuesBy(seed, (name, { layout }) => {
    if (/(^|\.)fc\.bias$/.test(name)) return fanInUniform;
    if (layout === "vector") return undefined;
    return truncatedNormal(name === "AuxLogits.fc.weight" ? 0.001 : 0.1);
  });
