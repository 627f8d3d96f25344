/** The plain ResNet34 classifier, named as in torchvision. */
import { globalAvgPool } from "../../autograd/spatial.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { requireKnown, requireWhole } from "../../kernels/kernel.ts";
import { initialValues } from "../../nn/init.ts";
import { Linear } from "../../nn/layers.ts";
import { ResNet, scaleChannels } from "../shared/resnet.ts";

/** How a ResNet34 is built. */
export interface ResNet34Options {
  /** Factor on all channel counts; default 1. */
  width?: number;
  /** Classes K; default 2. */
  classes?: number;
}

/** The plain ResNet34 classifier (He et al. 2016), named as in torchvision. */
export class ResNet34 extends ResNet {
  readonly fc: Linear;

  /** @throws ShapeError, RangeError for options from which no network can be built */
  constructor(options: ResNet34Options = {}, seed = 0) {
    requireKnown("ResNet34", options, ["width", "classes"]);
    const { width = 1, classes = 2 } = options;
    requireWhole("ResNet34", "classes", classes, 2);
    super([3, 4, 6, 3], width);
    this.fc = new Linear(scaleChannels(width)[4]!, classes);
    this.finish(initialValues(seed));
  }

  /**
   * Image [N, H, W, 3] -> class logits [N, K]; the mean of the last features that they are a linear function of, [N, C]; the
   * features of the stem and the four layers, [N, H / 2^(i+1), W / 2^(i+1), C_i].
   */
  forward(x: Tensor): { logits: Tensor; pooled: Tensor; scales: Tensor[] } {
    const scales = this.scales(x);
    const pooled = globalAvgPool(scales[4]!);
    return { logits: this.fc.forward(pooled), pooled, scales };
  }
}
