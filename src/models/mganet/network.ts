/** MGA-Net: a ResNet34 classifier whose features are enhanced under the mask of a U-Net. */
import type { Fusion } from "../../autograd/attention.ts";
import { sigmoid } from "../../autograd/elementwise.ts";
import { globalAvgPool } from "../../autograd/spatial.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { initialValues } from "../../nn/init.ts";
import { aKind, isList, requireKnown, requireShape } from "../../kernels/kernel.ts";
import { Linear } from "../../nn/layers.ts";
import { Module } from "../../nn/module.ts";
import { ModuleList } from "../../nn/module-list.ts";
import { CBAM, SE } from "./gates.ts";
import { MGA } from "./mga.ts";
import { ResNet, scaleChannels, stemPool } from "../shared/resnet.ts";
import { UNet } from "./unet.ts";

/** How features are enhanced: by MGA, four of them under the mask; by the blocks that it is compared with; or not at all. */
export const fusions = ["parallel", "serial", "spatial", "channel", "se", "cbam", "none"] as const;
export type Enhancement = (typeof fusions)[number];

/** How an MGA-Net is built. */
export interface MGANetOptions {
  /** Factor on all channel counts; 1 is the paper's value. */
  width: number;
  fusion: Enhancement;
  /** The enhanced scales L0..L4, or a module after the stem and after every basic block. */
  at: readonly number[] | "every-block";
  /** Classes K; default 2. */
  classes?: number;
}

/** The paper's network: full width, parallel fusion, all five scales enhanced. */
export const paperOptions: MGANetOptions = { width: 1, fusion: "parallel", at: [0, 1, 2, 3, 4] };

const BLOCKS = [3, 4, 6, 3] as const;

/** The features of a scale, [N, H, W, C], before and after their last enhancement; equal if there is none. */
export interface Scale {
  before: Tensor;
  after: Tensor;
}

export interface Classified {
  /** [N, K]. */
  logits: Tensor;
  /** What the logits are a linear function of: the mean of L4's features over the pixels, [N, C]. */
  pooled: Tensor;
  /** L0..L4. */
  scales: Scale[];
}

/** MGA-Net: a ResNet34 whose features are enhanced by the mask of a U-Net. Images [N, H, W, 3], H and W multiples of 32. */
export class MGANet extends Module {
  readonly classifier: ResNet;
  readonly segmenter: UNet;
  readonly fc: Linear;
  /** By place, of the one kind that `fusion` names. */
  readonly mga: ModuleList<MGA>;
  readonly se: ModuleList<SE>;
  readonly cbam: ModuleList<CBAM>;

  /** @throws RangeError for options from which no model can be built */
  constructor(options: MGANetOptions, seed = 0) {
    super();
    const { width, fusion, at, classes = 2 } = requireModel(options);
    const c = scaleChannels(width, "MGANet");
    this.classifier = new ResNet(BLOCKS, width);
    this.segmenter = new UNet(width);
    this.fc = new Linear(c[4]!, classes);
    const places = at === "every-block" ? everyBlock(c) : [...at].sort().map((i): [string, number] => [`L${i}`, c[i]!]);
    const modules = <M extends Module>(wanted: boolean, make: (channels: number) => M) =>
      new ModuleList<M>(new Map(wanted ? places.map(([name, channels]) => [name, make(channels)]) : []));
    this.mga = modules(isMasked(fusion), (channels) => new MGA(channels, fusion as Fusion));
    this.se = modules(fusion === "se", (channels) => new SE(channels));
    this.cbam = modules(fusion === "cbam", (channels) => new CBAM(channels));
    this.finish(initialValues(seed));
  }

  /** Whether the classification depends on the mask. */
  get usesMask(): boolean {
    return this.mga.entries.length > 0;
  }

  /** The segmentation branch alone: image [N, H, W, 3] -> logits [N, H, W, 1] and their sigmoid. */
  segment(x: Tensor): { logits: Tensor; mask: Tensor } {
    const logits = this.segmenter.forward(x);
    return { logits, mask: sigmoid(logits) };
  }

  /**
   * Image [N, H, W, 3], H and W multiples of 32 -> class logits [N, K], segmentation logits [N, H, W, 1] and their sigmoid, the mask.
   */
  forward(x: Tensor): Classified & { segLogits: Tensor; mask: Tensor } {
    const { logits: segLogits, mask } = this.segment(x);
    return { ...this.classify(x, mask), segLogits, mask };
  }

  /** The classification branch, given the mask [N, H, W, 1] of probabilities. */
  classify(x: Tensor, mask: Tensor): Classified {
    const enhance = (name: string, f: Tensor) =>
      this.mga.get(name)?.forward(f, mask) ?? this.se.get(name)?.forward(f) ?? this.cbam.get(name)?.forward(f) ?? f;
    const stem = this.classifier.stem(x);
    const scales: Scale[] = [{ before: stem, after: enhance("L0", stem) }];
    let y = stemPool(scales[0]!.after);
    for (const [i, layer] of this.classifier.layers.entries()) {
      let before = y;
      for (const [j, block] of layer.all.entries()) {
        before = block.forward(y);
        y = enhance(`L${i + 1}_${j}`, before);
      }
      y = enhance(`L${i + 1}`, y);
      scales.push({ before, after: y });
    }
    const pooled = globalAvgPool(y);
    return { logits: this.fc.forward(pooled), pooled, scales };
  }
}

/** Whether the features are enhanced under the mask. */
export const isMasked = (fusion: Enhancement): fusion is Fusion => !["se", "cbam", "none"].includes(fusion);

/** @throws RangeError, ShapeError for options from which no model can be built */
function requireModel(options: MGANetOptions): MGANetOptions {
  requireKnown("MGANet", options, ["width", "fusion", "at", "classes"]);
  const { width, fusion, at, classes = 2 } = options;
  if (typeof width !== "number") throw new RangeError(`MGANet: width is ${aKind(width)}, not a number`);
  if (at !== "every-block" && !isList(at)) {
    throw new RangeError(`MGANet: at is ${aKind(at)}, expected an array of scales or "every-block"`);
  }
  if (!fusions.includes(fusion)) {
    throw new RangeError(`MGANet: unknown fusion ${fusion}; the fusions are ${fusions.join(", ")}`);
  }
  requireShape(
    Number.isSafeInteger(classes) && classes >= 2,
    () => `MGANet: classes is ${String(classes)}, expected a whole number of at least 2`,
  );
  const scales = at === "every-block" ? [] : at;
  const wrong = scales.find((i) => ![0, 1, 2, 3, 4].includes(i));
  if (wrong !== undefined) throw new RangeError(`MGANet: there is no scale ${wrong}; the scales are 0 to 4`);
  return options;
}

const everyBlock = (c: readonly number[]): [string, number][] => [
  ["L0", c[0]!],
  ...BLOCKS.flatMap((n, i) => Array.from({ length: n }, (_, j): [string, number] => [`L${i + 1}_${j}`, c[i + 1]!])),
];
