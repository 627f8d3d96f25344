/** Every setting of a training run: presets, validation, and what must agree for a checkpoint to fit. */
import { z } from "zod";
import { fusions } from "../models/mganet.ts";
import { maskLosses } from "./losses.ts";

/** A setting that makes no sense. The message is one line: "batch: must be at least 2". */
export class ConfigError extends Error {
  override name = "ConfigError";
  readonly reason: string;
  /** Its path in the configuration, such as "epochs.joint"; undefined where several settings do not go together. */
  readonly setting: string | undefined;

  constructor(reason: string, setting?: string) {
    super(setting === undefined ? reason : `${setting}: ${reason}`);
    this.reason = reason;
    this.setting = setting;
  }
}

/** The value of `data` that stands for the built-in generator. */
export const PHANTOM = "phantom";

const side = z
  .number()
  .int()
  .min(32)
  .max(2048)
  .refine((n) => n % 32 === 0, { message: "must be a multiple of 32" });
const epochs = z.number().int().min(0).max(100_000);
const seed = z
  .number()
  .int()
  .min(0)
  .max(2 ** 31 - 1);

export const trainConfigSchema = z.strictObject({
  preset: z.enum(["quick", "paper"]),
  /** Folder of images, or "phantom" for the built-in generator. */
  data: z.string().min(1),
  /** Images of the phantom, training and validation together. */
  phantomImages: z.number().int().min(20).max(100_000),
  /** Of the initial values, the order of the images and the flips; of the split too, unless `splitSeed` is given. */
  seed,
  /** Of the split and of the phantom's images, where runs of several seeds are to be compared on the same images. */
  splitSeed: seed.exactOptional(),
  width: z
    .number()
    .min(1 / 16)
    .max(4),
  /** Height and width of the network's input. */
  size: z.tuple([side, side]),
  fusion: z.enum(fusions),
  at: z.union([z.literal("every-block"), z.array(z.number().int().min(0).max(4)).max(5)]),
  batch: z.number().int().min(2).max(1024),
  epochs: z.strictObject({ segmentation: epochs, joint: epochs }),
  /** Adam's learning rate in the segmentation stage. */
  lr: z.number().gt(0).max(1),
  /** Adam's learning rate in the joint stage. */
  jointLr: z.number().gt(0).max(1),
  /** constant, or cosine: up over the first twentieth of each stage, then down to 0. */
  schedule: z.enum(["constant", "cosine"]),
  maskLoss: z.enum(maskLosses),
  /** Weight of the segmentation loss in the joint stage. */
  alpha: z.number().min(0).max(100),
  flip: z.boolean(),
  crop: z.enum(["adaptive", "fixed", "none"]),
  /** Share of the images that are held out. */
  val: z.number().gt(0).lt(1),
  /** What the format of the data is called, or "auto": recognised by the folder. */
  format: z.string().min(1).default("auto"),
  /** Where classes come from that the set itself does not give: nowhere, or a word of the files' names. */
  labelFrom: z.enum(["set", "name"]).default("set"),
  /** Whether the masks of the data are dark where the nodule is. */
  masksInverted: z.boolean().default(false),
  /** "random", "set" (the data set's own), "auto" (the set's own where it has one), or the file of a split. */
  split: z.string().min(1).default("auto"),
  /** Folds of cross-validation; 0 for none. */
  folds: z
    .number()
    .int()
    .min(0)
    .max(100)
    .refine((n) => n !== 1, { message: "one fold leaves nothing to train on" })
    .default(0),
  /** The fold that is held out, from 0. */
  fold: z.number().int().min(0).max(99).default(0),
  /** Folder of images that are evaluated at the end and never trained on; "" for none. */
  external: z.string().default(""),
  /** "balanced": the loss of each class is weighted by the inverse of its share, as scikit-learn's "balanced". */
  classWeights: z.enum(["none", "balanced"]).default("none"),
  /** "balanced": the joint stage sees as many images of each class, those of the rarer one more than once an epoch. */
  sampling: z.enum(["none", "balanced"]).default("none"),
  /** Less memory for more time: the backward pass computes cheap activations again. Not in older checkpoints. */
  recompute: z.boolean().default(false),
  /** Epochs between evaluations; the last epoch of a stage is always evaluated. */
  evalEvery: z.number().int().min(1),
});

export type TrainConfig = z.infer<typeof trainConfigSchema>;

/** The seed of what does not belong to the training itself: the split, and the phantom's images. */
export const dataSeed = ({ seed, splitSeed }: Pick<TrainConfig, "seed" | "splitSeed">): number => splitSeed ?? seed;

/** Whether a training teaches the U-Net where nodules are. Without it a mask means nothing, an empty one neither. */
export const teachesOutlines = ({ alpha, epochs }: Pick<TrainConfig, "alpha" | "epochs">): boolean =>
  epochs.segmentation > 0 || (alpha > 0 && epochs.joint > 0);

const common = {
  data: PHANTOM,
  seed: 0,
  fusion: "parallel",
  at: [0, 1, 2, 3, 4],
  maskLoss: "dice",
  alpha: 0.5,
  flip: true,
  crop: "adaptive",
  val: 0.3,
  format: "auto",
  labelFrom: "set",
  masksInverted: false,
  split: "auto",
  folds: 0,
  fold: 0,
  external: "",
  classWeights: "none",
  sampling: "none",
  recompute: false,
} satisfies Partial<TrainConfig>;

export const presets: Readonly<Record<TrainConfig["preset"], TrainConfig>> = {
  /** Minutes on two CPU cores, seconds on a GPU. */
  quick: {
    ...common,
    preset: "quick",
    phantomImages: 900,
    width: 0.25,
    size: [96, 96],
    batch: 8,
    // The phantom has no end of images: more of them, each seen a few times, teach more than a few seen often.
    epochs: { segmentation: 3, joint: 5 },
    val: 0.2,
    // With so few steps at such a rate, half the weight lets the classifier's gradient spoil the masks.
    alpha: 2,
    lr: 1e-3,
    jointLr: 1e-3,
    schedule: "cosine",
    evalEvery: 2,
  },
  /** As published. */
  paper: {
    ...common,
    preset: "paper",
    phantomImages: 2000,
    width: 1,
    size: [224, 224],
    batch: 32,
    epochs: { segmentation: 60, joint: 140 },
    lr: 1e-4,
    jointLr: 1e-4,
    schedule: "constant",
    evalEvery: 1,
  },
};

/** What the quick preset does otherwise with a folder's few hundred images. */
const quickOnImages: Partial<TrainConfig> = { epochs: { segmentation: 12, joint: 10 }, val: 0.3 };

/** The settings that a preset starts from, for the phantom or for a folder of images. */
export const presetFor = (name: TrainConfig["preset"], data: string): TrainConfig => ({
  ...presets[name],
  ...(name === "quick" && data !== PHANTOM ? quickOnImages : {}),
});

/**
 * Checks a configuration, wherever it comes from.
 * @throws ConfigError naming the first setting that is wrong
 */
export function checkConfig(config: unknown): TrainConfig {
  const result = trainConfigSchema.safeParse(config);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new ConfigError(issue!.message, issue!.path.join(".") || "configuration");
  }
  const { data: checked } = result;
  if (checked.epochs.segmentation + checked.epochs.joint === 0)
    throw new ConfigError("neither stage has an epoch: there is nothing to train");
  if (checked.folds > 0 && checked.fold >= checked.folds) {
    throw new ConfigError(`there is no fold ${checked.fold} of ${checked.folds}: they count from 0`, "fold");
  }
  if (checked.data === PHANTOM && checked.split === "set") {
    throw new ConfigError("the phantom has no split of its own", "split");
  }
  if (checked.at !== "every-block") {
    const at = [...new Set(checked.at)].sort();
    if (checked.fusion !== "none" && at.length === 0) {
      throw new ConfigError("name at least one scale, or choose fusion none", "at");
    }
    return { ...checked, at };
  }
  return checked;
}
