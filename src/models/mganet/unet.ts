/** The segmentation branch: a U-Net on a ResNet18 encoder. */
import { cat, interpolate } from "../../autograd/spatial.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { nhwc, requireShape, showShape } from "../../kernels/kernel.ts";
import { BatchNorm2d, Conv2d } from "../../nn/layers.ts";
import { Module } from "../../nn/module.ts";
import { ModuleList } from "../../nn/module-list.ts";
import { ResNet, scaleChannels } from "../shared/resnet.ts";

/** Bilinear upsampling by 2, concatenation with the skip connection, then twice convolution, batch norm and ReLU. */
class DecoderBlock extends Module {
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm2d;

  constructor(channelsIn: number, channelsSkip: number, channelsOut: number) {
    super();
    this.conv1 = new Conv2d(channelsIn + channelsSkip, channelsOut, 3, { padding: 1, bias: false });
    this.bn1 = new BatchNorm2d(channelsOut);
    this.conv2 = new Conv2d(channelsOut, channelsOut, 3, { padding: 1, bias: false });
    this.bn2 = new BatchNorm2d(channelsOut);
  }

  forward(x: Tensor, skip: Tensor | undefined): Tensor {
    const up = this.scoped(x, () => {
      const larger = interpolate(x, [2 * x.shape[1]!, 2 * x.shape[2]!]);
      return skip ? cat([larger, skip]) : larger;
    });
    const y = this.bn1.forward(this.conv1.forward(up), { relu: true });
    return this.bn2.forward(this.conv2.forward(y), { relu: true });
  }
}

/** Initial bias of the head: a probability of nodule of 0.12 at every pixel. */
const HEAD_BIAS = -2;

/** The segmentation branch: a ResNet18 as encoder, and a decoder with skip connections. `width` is the factor on all channel counts. */
export class UNet extends Module {
  readonly encoder: ResNet;
  readonly decoder: ModuleList<DecoderBlock>;
  readonly head: Conv2d;

  constructor(width: number) {
    super();
    const c = scaleChannels(width, "UNet");
    this.encoder = new ResNet([2, 2, 2, 2], width);
    const d = [256, 128, 64, 32, 16].map((n) => Math.round(n * width));
    if (d.includes(0)) throw new RangeError(`UNet: width is ${width}, which leaves layers without channels`);
    const skips = [c[3]!, c[2]!, c[1]!, c[0]!, 0];
    this.decoder = new ModuleList(d.map((out, i) => new DecoderBlock(i === 0 ? c[4]! : d[i - 1]!, skips[i]!, out)));
    // Most pixels are background: starting there saves Dice from first having to push all of them down.
    this.head = new Conv2d(d[4]!, 1, 3, { padding: 1, bias: HEAD_BIAS });
  }

  /** Image [N, H, W, 3], H and W multiples of 32 -> logits [N, H, W, 1]. @throws ShapeError */
  forward(x: Tensor): Tensor {
    const [, h, w, c] = nhwc("UNet", x.shape);
    requireShape(
      h % 32 === 0 && w % 32 === 0 && c === 3,
      () => `UNet: an image ${showShape(x.shape)} is not [N, H, W, 3] with H and W multiples of 32`,
    );
    const scales = this.encoder.scales(x);
    let y = scales[4]!;
    for (const [i, block] of this.decoder.all.entries()) y = block.forward(y, scales[3 - i]);
    return this.head.forward(y);
  }
}
