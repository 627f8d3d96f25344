/** VGG-16 (Simonyan & Zisserman 2015), with and without batch norm, at any width, named as torchvision's vgg16_bn and vgg16. */
import { flattenedLinear } from "../../autograd/conv2d.ts";
import { dropout } from "../../autograd/dropout.ts";
import { relu } from "../../autograd/elementwise.ts";
import { adaptiveAvgPool2d } from "../../autograd/pooling.ts";
import { maxPool2d } from "../../autograd/spatial.ts";
import { requireTensors, type Tensor } from "../../graph/tensor.ts";
import { requireWhole } from "../../kernels/kernel.ts";
import { constant, heNormal, normal } from "../../nn/draws.ts";
import { initialValuesBy } from "../../nn/init.ts";
import { BatchNorm2d, Conv2d, Linear } from "../../nn/layers.ts";
import { Module, Parameter } from "../../nn/module.ts";
import { eights } from "../shared/width.ts";

/** How a VGG-16 is built. */
export interface VGGOptions {
  /** Factor on all channel counts; default 1. */
  width?: number;
  batchNorm: boolean;
  /** Classes K; default 2. */
  classes?: number;
}

/** Channels of the convolutions of each stage, behind which the maps are halved. */
const STAGES = [
  [64, 64],
  [128, 128],
  [256, 256, 256],
  [512, 512, 512],
  [512, 512, 512],
];
/** Side of the maps that the classifier sees. */
const SIDE = 7;
const DROPPED = 0.5;

/** The linear layer behind the flattened maps: on maps [N, 7, 7, C] it is the convolution that covers them. */
class Flattened extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter;

  constructor(channels: number, features: number) {
    super();
    this.weight = new Parameter([SIDE, SIDE, channels, features], "flattened");
    this.bias = new Parameter([features], "vector");
  }

  /** [N, 7, 7, C] -> [N, features]. */
  forward(x: Tensor): Tensor {
    return this.scoped(x, () => flattenedLinear(x, this.weight, this.bias));
  }
}

/** VGG-16 (Simonyan and Zisserman 2015), with or without batch normalisation, named as in torchvision. */
export class VGG extends Module {
  /** Convolutions, batch norms; numbered as in torchvision, where ReLUs and poolings have numbers, too. */
  readonly features: Readonly<Record<number, Conv2d | BatchNorm2d>>;
  readonly classifier: { readonly 0: Flattened; readonly 3: Linear; readonly 6: Linear };
  readonly #stages: readonly (readonly { conv: Conv2d; norm: BatchNorm2d | undefined }[])[];
  readonly #seed: number;

  /** @throws ShapeError for options from which no network can be built */
  constructor({ width = 1, batchNorm, classes = 2 }: VGGOptions, seed = 0) {
    requireWhole("VGG", "classes", classes, 2);
    super();
    const features: Record<number, Conv2d | BatchNorm2d> = {};
    let number = 0;
    let channels = 3;
    this.#stages = STAGES.map((stage) => {
      const layers = stage.map((full) => {
        const out = eights(full, width);
        const conv = new Conv2d(channels, out, 3, { padding: 1, bias: true });
        const norm = batchNorm ? new BatchNorm2d(out) : undefined;
        features[number++] = conv;
        if (norm) features[number++] = norm;
        number++;
        channels = out;
        return { conv, norm };
      });
      number++;
      return layers;
    });
    this.features = features;
    const hidden = eights(4096, width);
    this.classifier = {
      0: new Flattened(channels, hidden),
      3: new Linear(hidden, hidden),
      6: new Linear(hidden, classes),
    };
    this.#seed = seed;
    this.finish(initialValues(seed));
  }

  /**
   * Image [N, H, W, 3] -> class logits [N, K], and the features of each stage before its pooling, [N, H / 2^i, W / 2^i, C_i].
   * @param step the number of the training step, for dropout; without it nothing is dropped
   */
  forward(x: Tensor, step?: Tensor): { logits: Tensor; scales: Tensor[] } {
    requireTensors("VGG", x);
    let y = x;
    const scales = this.#stages.map((layers) => {
      for (const { conv, norm } of layers)
        y = norm ? norm.forward(conv.forward(y), { relu: true }) : relu(conv.forward(y));
      const last = y;
      y = maxPool2d(y, { kernel: 2 });
      return last;
    });
    const drop = (z: Tensor, layer: number) =>
      this.scoped(z, () => dropout(z, { p: DROPPED, layer, seed: this.#seed, step }));
    const first = drop(relu(this.classifier[0].forward(adaptiveAvgPool2d(y, [SIDE, SIDE]))), 0);
    const second = drop(relu(this.classifier[3].forward(first)), 1);
    return { logits: this.classifier[6].forward(second), scales };
  }
}

/** torchvision's: convolutions He's by fan-out, linear weights with deviation 0.01, biases 0. */
const initialValues = (seed: number) =>
  initialValuesBy(seed, (name, { layout }) => {
    if (layout === "conv") return heNormal;
    if (name.startsWith("classifier.") && name.endsWith(".weight")) return normal(0.01);
    return name.endsWith(".bias") ? constant(0) : undefined;
  });
