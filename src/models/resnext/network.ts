/** ResNeXt-50 32x4d (Xie et al. 2017) at any width, named as torchvision's resnext50_32x4d. */
import { globalAvgPool } from "../../autograd/spatial.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { requireWhole } from "../../kernels/kernel.ts";
import { fanInUniform, heNormal } from "../../nn/draws.ts";
import { initialValuesBy } from "../../nn/init.ts";
import { BatchNorm2d, Conv2d, Linear } from "../../nn/layers.ts";
import { Module } from "../../nn/module.ts";
import { ModuleList } from "../../nn/module-list.ts";
import { shortcut, stemPool, type Downsample } from "../shared/resnet.ts";
import { eights } from "../shared/width.ts";

/** How a ResNeXt-50 is built. */
export interface ResNeXtOptions {
  /** Factor on the 32 groups; each keeps its 4, 8, 16, 32 channels of the four layers. Default 1. */
  width?: number;
  /** Whether the 3×3 convolutions are in groups, and not each of one; default true. */
  grouped?: boolean;
  /** Classes K; default 2. */
  classes?: number;
}

const BLOCKS = [3, 4, 6, 3];

/** 1×1, grouped 3×3 (which has the stride), 1×1. */
class Bottleneck extends Module {
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm2d;
  readonly conv3: Conv2d;
  readonly bn3: BatchNorm2d;
  readonly downsample: Downsample | undefined;

  constructor(channelsIn: number, inner: number, channelsOut: number, stride: number, groups: number) {
    super();
    this.conv1 = new Conv2d(channelsIn, inner, 1, { bias: false });
    this.bn1 = new BatchNorm2d(inner);
    this.conv2 = new Conv2d(inner, inner, 3, { stride, padding: 1, groups, bias: false });
    this.bn2 = new BatchNorm2d(inner);
    this.conv3 = new Conv2d(inner, channelsOut, 1, { bias: false });
    this.bn3 = new BatchNorm2d(channelsOut);
    this.downsample = shortcut(channelsIn, channelsOut, stride);
  }

  forward(x: Tensor): Tensor {
    const residual = this.downsample?.forward(x) ?? x;
    const y = this.bn1.forward(this.conv1.forward(x), { relu: true });
    const z = this.bn2.forward(this.conv2.forward(y), { relu: true });
    return this.bn3.forward(this.conv3.forward(z), { relu: true, residual });
  }
}

/** ResNeXt-50 32x4d (Xie et al. 2017), named as in torchvision. */
export class ResNeXt extends Module {
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly layer1: ModuleList<Bottleneck>;
  readonly layer2: ModuleList<Bottleneck>;
  readonly layer3: ModuleList<Bottleneck>;
  readonly layer4: ModuleList<Bottleneck>;
  readonly fc: Linear;

  /** @throws ShapeError for options from which no network can be built */
  constructor({ width = 1, grouped = true, classes = 2 }: ResNeXtOptions = {}, seed = 0) {
    requireWhole("ResNeXt", "classes", classes, 2);
    super();
    const count = groupsAt(width);
    let channels = eights(64, width);
    this.conv1 = new Conv2d(3, channels, 7, { stride: 2, padding: 3, bias: false });
    this.bn1 = new BatchNorm2d(channels);
    const layer = (i: number) =>
      new ModuleList(
        Array.from({ length: BLOCKS[i]! }, (_, j) => {
          const [inner, out] = [count * 4 * 2 ** i, count * 8 * 2 ** i];
          const groups = grouped ? count : 1;
          const block = new Bottleneck(channels, inner, out, i > 0 && j === 0 ? 2 : 1, groups);
          channels = out;
          return block;
        }),
      );
    [this.layer1, this.layer2, this.layer3, this.layer4] = [layer(0), layer(1), layer(2), layer(3)];
    this.fc = new Linear(channels, classes);
    this.finish(initialValues(seed));
  }

  /**
   * Image [N, H, W, 3] -> class logits [N, K]; the mean [N, C] of the last features, which they are a linear function of; the features of the
   * stem and the four layers, [N, H / 2^(i+1), W / 2^(i+1), C_i].
   */
  forward(x: Tensor): { logits: Tensor; pooled: Tensor; scales: Tensor[] } {
    const stem = this.bn1.forward(this.conv1.forward(x), { relu: true });
    const scales = [stem];
    let y = stemPool(stem);
    for (const layer of [this.layer1, this.layer2, this.layer3, this.layer4]) {
      for (const block of layer.all) y = block.forward(y);
      scales.push(y);
    }
    const pooled = globalAvgPool(y);
    return { logits: this.fc.forward(pooled), pooled, scales };
  }
}

/** Groups of the 3×3 convolutions. */
export const groupsAt = (width: number): number => Math.max(1, Math.round(32 * width));

/** torchvision's: convolutions He's, whose fan-out counts all output channels whatever the groups. */
const initialValues = (seed: number) =>
  initialValuesBy(seed, (name, { layout }) => {
    if (layout === "conv") return heNormal;
    return name.startsWith("fc.") ? fanInUniform : undefined;
  });
