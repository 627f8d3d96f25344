/** ResNet with basic blocks (He et al. 2016), named as in torchvision. */
import { maxPool2d } from "../../autograd/spatial.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { BatchNorm2d, Conv2d } from "../../nn/layers.ts";
import { Module } from "../../nn/module.ts";
import { ModuleList } from "../../nn/module-list.ts";

/** A projection shortcut: convolution 0, batch norm 1. */
export class Downsample extends ModuleList<Module> {
  constructor(channelsIn: number, channelsOut: number, stride: number) {
    super([new Conv2d(channelsIn, channelsOut, 1, { stride, bias: false }), new BatchNorm2d(channelsOut)]);
  }

  forward(x: Tensor): Tensor {
    const [conv, bn] = this.all as [Conv2d, BatchNorm2d];
    return bn.forward(conv.forward(x));
  }
}

/** The projection of a block's input where its output has another size; undefined where the input is added as it is. */
export const shortcut = (channelsIn: number, channelsOut: number, stride: number): Downsample | undefined =>
  stride !== 1 || channelsIn !== channelsOut ? new Downsample(channelsIn, channelsOut, stride) : undefined;

/** Two 3×3 convolutions, each with batch norm, and a shortcut; `stride` is the first one's. */
export class BasicBlock extends Module {
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm2d;
  readonly downsample: Downsample | undefined;

  constructor(channelsIn: number, channelsOut: number, stride: number) {
    super();
    this.conv1 = new Conv2d(channelsIn, channelsOut, 3, { stride, padding: 1, bias: false });
    this.bn1 = new BatchNorm2d(channelsOut);
    this.conv2 = new Conv2d(channelsOut, channelsOut, 3, { padding: 1, bias: false });
    this.bn2 = new BatchNorm2d(channelsOut);
    this.downsample = shortcut(channelsIn, channelsOut, stride);
  }

  /** [N, H, W, in] -> [N, H / stride, W / stride, out]. */
  forward(x: Tensor): Tensor {
    const residual = this.downsample?.forward(x) ?? x;
    const y = this.bn1.forward(this.conv1.forward(x), { relu: true });
    return this.bn2.forward(this.conv2.forward(y), { relu: true, residual });
  }
}

/**
 * Channels of the five scales at a width: L0 = stem (stride 2), L1..L4 = layers (strides 4, 8, 16, 32).
 * @throws RangeError naming `model`, if any would be 0
 */
export function scaleChannels(width: number, model = "ResNet"): number[] {
  const channels = [64, 64, 128, 256, 512].map((c) => Math.round(c * width));
  if (!channels.every((c) => c > 0 && Number.isSafeInteger(c))) {
    throw new RangeError(`${model}: width is ${width}, which leaves layers without channels`);
  }
  return channels;
}

type Four<T> = readonly [T, T, T, T];

/** A ResNet of basic blocks without its classifier (He et al. 2016), named as in torchvision. */
export class ResNet extends Module {
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly layer1: ModuleList<BasicBlock>;
  readonly layer2: ModuleList<BasicBlock>;
  readonly layer3: ModuleList<BasicBlock>;
  readonly layer4: ModuleList<BasicBlock>;

  /** `blocks`: basic blocks per layer; (3, 4, 6, 3) is ResNet34, (2, 2, 2, 2) ResNet18. */
  constructor(blocks: Four<number>, width: number) {
    super();
    const c = scaleChannels(width);
    if ((blocks as readonly number[]).length !== 4 || !blocks.every((n) => Number.isSafeInteger(n) && n > 0)) {
      throw new RangeError(`ResNet: blocks [${blocks.join(", ")}] are not four whole numbers above 0`);
    }
    this.conv1 = new Conv2d(3, c[0]!, 7, { stride: 2, padding: 3, bias: false });
    this.bn1 = new BatchNorm2d(c[0]!);
    const layer = (i: number) =>
      new ModuleList(
        Array.from({ length: blocks[i]! }, (_, j) => {
          return new BasicBlock(c[j === 0 ? i : i + 1]!, c[i + 1]!, j === 0 && i > 0 ? 2 : 1);
        }),
      );
    [this.layer1, this.layer2, this.layer3, this.layer4] = [layer(0), layer(1), layer(2), layer(3)];
  }

  /** The four layers in order. */
  get layers(): Four<ModuleList<BasicBlock>> {
    return [this.layer1, this.layer2, this.layer3, this.layer4];
  }

  /** L0, [N, H / 2, W / 2, C]. */
  stem(x: Tensor): Tensor {
    return this.bn1.forward(this.conv1.forward(x), { relu: true });
  }

  /** All five scales. */
  scales(x: Tensor): Tensor[] {
    const out = [this.stem(x)];
    let y = stemPool(out[0]!);
    for (const layer of this.layers) {
      for (const block of layer.all) y = block.forward(y);
      out.push(y);
    }
    return out;
  }
}

/** The max pooling between L0 and the first layer. */
export const stemPool = (x: Tensor): Tensor => maxPool2d(x, { kernel: 3, stride: 2, padding: 1 });
