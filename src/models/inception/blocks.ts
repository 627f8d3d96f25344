/** The blocks of Inception v3, named as in torchvision. */
import { conv2d, type Conv2dOptions } from "../../autograd/conv2d.ts";
import { avgPool2d } from "../../autograd/pooling.ts";
import { cat, globalAvgPool, maxPool2d } from "../../autograd/spatial.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { BatchNorm2d, Conv2d, Linear } from "../../nn/layers.ts";
import { Module, Parameter } from "../../nn/module.ts";

/** A channel count of the published network at this one's width. */
type Scaled = (channels: number) => number;

/** Convolution without bias, batch norm with eps 1e-3, ReLU. */
export class BasicConv extends Module {
  readonly conv: Conv2d;
  readonly bn: BatchNorm2d;

  constructor(
    channelsIn: number,
    channelsOut: number,
    kernel: number | readonly [number, number],
    options: Conv2dOptions = {},
  ) {
    super();
    this.conv = new Conv2d(channelsIn, channelsOut, kernel, { ...options, bias: false });
    this.bn = new BatchNorm2d(channelsOut, { eps: 1e-3 });
  }

  forward(x: Tensor): Tensor {
    return this.bn.forward(this.conv.forward(x), { relu: true });
  }
}

/** 3×3, stride 1; the divisor is 9 at the border too. */
const average = (x: Tensor): Tensor => avgPool2d(x, { kernel: 3, stride: 1, padding: 1 });
const halved = (x: Tensor): Tensor => maxPool2d(x, { kernel: 3, stride: 2 });

const wide = (channelsIn: number, channelsOut: number, taps: number) =>
  new BasicConv(channelsIn, channelsOut, [1, taps], { padding: [0, (taps - 1) / 2] });
const tall = (channelsIn: number, channelsOut: number, taps: number) =>
  new BasicConv(channelsIn, channelsOut, [taps, 1], { padding: [(taps - 1) / 2, 0] });

export class InceptionA extends Module {
  readonly channels: number;
  readonly branch1x1: BasicConv;
  readonly branch5x5_1: BasicConv;
  readonly branch5x5_2: BasicConv;
  readonly branch3x3dbl_1: BasicConv;
  readonly branch3x3dbl_2: BasicConv;
  readonly branch3x3dbl_3: BasicConv;
  readonly branch_pool: BasicConv;

  constructor(channelsIn: number, c: Scaled, pool: number) {
    super();
    this.branch1x1 = new BasicConv(channelsIn, c(64), 1);
    this.branch5x5_1 = new BasicConv(channelsIn, c(48), 1);
    this.branch5x5_2 = new BasicConv(c(48), c(64), 5, { padding: 2 });
    this.branch3x3dbl_1 = new BasicConv(channelsIn, c(64), 1);
    this.branch3x3dbl_2 = new BasicConv(c(64), c(96), 3, { padding: 1 });
    this.branch3x3dbl_3 = new BasicConv(c(96), c(96), 3, { padding: 1 });
    this.branch_pool = new BasicConv(channelsIn, c(pool), 1);
    this.channels = 2 * c(64) + c(96) + c(pool);
  }

  forward(x: Tensor): Tensor {
    return cat([
      this.branch1x1.forward(x),
      this.branch5x5_2.forward(this.branch5x5_1.forward(x)),
      this.branch3x3dbl_3.forward(this.branch3x3dbl_2.forward(this.branch3x3dbl_1.forward(x))),
      this.branch_pool.forward(average(x)),
    ]);
  }
}

export class InceptionB extends Module {
  readonly channels: number;
  readonly branch3x3: BasicConv;
  readonly branch3x3dbl_1: BasicConv;
  readonly branch3x3dbl_2: BasicConv;
  readonly branch3x3dbl_3: BasicConv;

  constructor(channelsIn: number, c: Scaled) {
    super();
    this.branch3x3 = new BasicConv(channelsIn, c(384), 3, { stride: 2 });
    this.branch3x3dbl_1 = new BasicConv(channelsIn, c(64), 1);
    this.branch3x3dbl_2 = new BasicConv(c(64), c(96), 3, { padding: 1 });
    this.branch3x3dbl_3 = new BasicConv(c(96), c(96), 3, { stride: 2 });
    this.channels = c(384) + c(96) + channelsIn;
  }

  forward(x: Tensor): Tensor {
    const double = this.branch3x3dbl_3.forward(this.branch3x3dbl_2.forward(this.branch3x3dbl_1.forward(x)));
    return cat([this.branch3x3.forward(x), double, halved(x)]);
  }
}

export class InceptionC extends Module {
  readonly channels: number;
  readonly branch1x1: BasicConv;
  readonly branch7x7_1: BasicConv;
  readonly branch7x7_2: BasicConv;
  readonly branch7x7_3: BasicConv;
  readonly branch7x7dbl_1: BasicConv;
  readonly branch7x7dbl_2: BasicConv;
  readonly branch7x7dbl_3: BasicConv;
  readonly branch7x7dbl_4: BasicConv;
  readonly branch7x7dbl_5: BasicConv;
  readonly branch_pool: BasicConv;

  constructor(channelsIn: number, c: Scaled, inner: number) {
    super();
    const [out, mid] = [c(192), c(inner)];
    this.branch1x1 = new BasicConv(channelsIn, out, 1);
    this.branch7x7_1 = new BasicConv(channelsIn, mid, 1);
    this.branch7x7_2 = wide(mid, mid, 7);
    this.branch7x7_3 = tall(mid, out, 7);
    this.branch7x7dbl_1 = new BasicConv(channelsIn, mid, 1);
    this.branch7x7dbl_2 = tall(mid, mid, 7);
    this.branch7x7dbl_3 = wide(mid, mid, 7);
    this.branch7x7dbl_4 = tall(mid, mid, 7);
    this.branch7x7dbl_5 = wide(mid, out, 7);
    this.branch_pool = new BasicConv(channelsIn, out, 1);
    this.channels = 4 * out;
  }

  forward(x: Tensor): Tensor {
    const half = this.branch7x7dbl_3.forward(this.branch7x7dbl_2.forward(this.branch7x7dbl_1.forward(x)));
    return cat([
      this.branch1x1.forward(x),
      this.branch7x7_3.forward(this.branch7x7_2.forward(this.branch7x7_1.forward(x))),
      this.branch7x7dbl_5.forward(this.branch7x7dbl_4.forward(half)),
      this.branch_pool.forward(average(x)),
    ]);
  }
}

export class InceptionD extends Module {
  readonly channels: number;
  readonly branch3x3_1: BasicConv;
  readonly branch3x3_2: BasicConv;
  readonly branch7x7x3_1: BasicConv;
  readonly branch7x7x3_2: BasicConv;
  readonly branch7x7x3_3: BasicConv;
  readonly branch7x7x3_4: BasicConv;

  constructor(channelsIn: number, c: Scaled) {
    super();
    this.branch3x3_1 = new BasicConv(channelsIn, c(192), 1);
    this.branch3x3_2 = new BasicConv(c(192), c(320), 3, { stride: 2 });
    this.branch7x7x3_1 = new BasicConv(channelsIn, c(192), 1);
    this.branch7x7x3_2 = wide(c(192), c(192), 7);
    this.branch7x7x3_3 = tall(c(192), c(192), 7);
    this.branch7x7x3_4 = new BasicConv(c(192), c(192), 3, { stride: 2 });
    this.channels = c(320) + c(192) + channelsIn;
  }

  forward(x: Tensor): Tensor {
    const seven = this.branch7x7x3_3.forward(this.branch7x7x3_2.forward(this.branch7x7x3_1.forward(x)));
    return cat([this.branch3x3_2.forward(this.branch3x3_1.forward(x)), this.branch7x7x3_4.forward(seven), halved(x)]);
  }
}

export class InceptionE extends Module {
  readonly channels: number;
  readonly branch1x1: BasicConv;
  readonly branch3x3_1: BasicConv;
  readonly branch3x3_2a: BasicConv;
  readonly branch3x3_2b: BasicConv;
  readonly branch3x3dbl_1: BasicConv;
  readonly branch3x3dbl_2: BasicConv;
  readonly branch3x3dbl_3a: BasicConv;
  readonly branch3x3dbl_3b: BasicConv;
  readonly branch_pool: BasicConv;

  constructor(channelsIn: number, c: Scaled) {
    super();
    const mid = c(384);
    this.branch1x1 = new BasicConv(channelsIn, c(320), 1);
    this.branch3x3_1 = new BasicConv(channelsIn, mid, 1);
    this.branch3x3_2a = wide(mid, mid, 3);
    this.branch3x3_2b = tall(mid, mid, 3);
    this.branch3x3dbl_1 = new BasicConv(channelsIn, c(448), 1);
    this.branch3x3dbl_2 = new BasicConv(c(448), mid, 3, { padding: 1 });
    this.branch3x3dbl_3a = wide(mid, mid, 3);
    this.branch3x3dbl_3b = tall(mid, mid, 3);
    this.branch_pool = new BasicConv(channelsIn, c(192), 1);
    this.channels = c(320) + 4 * mid + c(192);
  }

  forward(x: Tensor): Tensor {
    const y = this.branch3x3_1.forward(x);
    const z = this.branch3x3dbl_2.forward(this.branch3x3dbl_1.forward(x));
    return cat([
      this.branch1x1.forward(x),
      this.branch3x3_2a.forward(y),
      this.branch3x3_2b.forward(y),
      this.branch3x3dbl_3a.forward(z),
      this.branch3x3dbl_3b.forward(z),
      this.branch_pool.forward(average(x)),
    ]);
  }
}

/**
 * torchvision's auxiliary head takes maps from 17×17 (images from 299×299). On smaller ones the pooling's window shrinks to the map, and the
 * 5×5 convolution is padded by what it lacks; from 17 on nothing changes.
 */
export class Auxiliary extends Module {
  readonly conv0: BasicConv;
  readonly conv1: PaddedConv;
  readonly fc: Linear;

  constructor(channelsIn: number, c: Scaled, classes: number) {
    super();
    this.conv0 = new BasicConv(channelsIn, c(128), 1);
    this.conv1 = new PaddedConv(c(128), c(768));
    this.fc = new Linear(c(768), classes);
  }

  forward(x: Tensor): Tensor {
    const [, h, w] = x.shape as [number, number, number];
    const pooled = avgPool2d(x, { kernel: [Math.min(5, h), Math.min(5, w)], stride: 3 });
    return this.fc.forward(globalAvgPool(this.conv1.forward(this.conv0.forward(pooled))));
  }
}

/** A 5×5 convolution without bias, padded where the map is smaller, with batch norm and ReLU. */
class PaddedConv extends Module {
  readonly conv: PaddedKernel;
  readonly bn: BatchNorm2d;

  constructor(channelsIn: number, channelsOut: number) {
    super();
    this.conv = new PaddedKernel(channelsIn, channelsOut);
    this.bn = new BatchNorm2d(channelsOut, { eps: 1e-3 });
  }

  forward(x: Tensor): Tensor {
    return this.bn.forward(this.conv.forward(x), { relu: true });
  }
}

const TAPS = 5;

class PaddedKernel extends Module {
  readonly weight: Parameter;

  constructor(channelsIn: number, channelsOut: number) {
    super();
    this.weight = new Parameter([TAPS, TAPS, channelsIn, channelsOut], "conv");
  }

  forward(x: Tensor): Tensor {
    const padding = x.shape.slice(1, 3).map((side) => Math.max(0, Math.floor((TAPS + 1 - side) / 2)));
    return this.scoped(x, () => conv2d(x, this.weight, undefined, { padding: padding as [number, number] }));
  }
}
