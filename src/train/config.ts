/** The settings of a training run: schemas, presets and validation. */
import * as z from "zod";
import { ConfigError } from "../models/config-error.ts";
import { cropMethods } from "../data/tissue/crop.ts";
import { firstFault } from "../data/fault.ts";
import { targets } from "../data/readers/class-words.ts";
import { isPhantom, PHANTOM } from "../data/phantom/scanner.ts";
import { DEFAULT_MODEL, modelNamed } from "../models/registry.ts";
import { learningRateSchema, setting } from "../models/setting.ts";
import { initSchema, learnedOutlines, requireOrigin } from "./origin.ts";
import type { ModelSpec, Outlines, PresetName, TrainedWith } from "../models/spec.ts";

export { PHANTOM } from "../data/phantom/scanner.ts";

const MAX_SEED = 2 ** 31 - 1;

const side = z
  .number()
  .int()
  .min(32)
  .max(2048)
  .refine((n) => n % 32 === 0, { message: "must be a multiple of 32" });
const epochs = z.number().int().min(0).max(100_000);
const seed = () => z.number().int().min(0).max(MAX_SEED);

/** "224" or "192x256" (height x width). @throws RangeError */
export function parseSize(text: string): [number, number] {
  const match = /^(\d{1,9})(?:x(\d{1,9}))?$/.exec(text);
  if (!match) throw new RangeError("It is neither a number of pixels nor HEIGHTxWIDTH.");
  return [Number(match[1]), Number(match[2] ?? match[1])];
}

/** Settings common to all models. */
export const commonSettings = {
  preset: z.enum(["quick", "paper"]),
  /** Folder of images, or the name of a phantom. */
  data: setting(
    z.string().min(1),
    "--data <dir>",
    "folder of images; or phantom or phantom-b, built-in generators that imitate two scanners (default: phantom)",
  ),
  format: setting(z.string().min(1).default("auto"), "--format <name>", "layout of the folder (default: detected)"),
  labelFrom: setting(
    z.enum(["set", "name"]).default("set"),
    "--label-from <what>",
    "source of classes that the set lacks: name takes them from words in file names",
  ),
  target: setting(
    z.enum(targets).default("class"),
    "--target <what>",
    "what to predict: the set's classes; its TI-RADS grades if it has them; or kind, on a phantom: benign solid, benign cystic, malignant",
  ),
  /** Absent: benign and malignant. */
  classes: setting(
    z.array(z.string().min(1).max(60)).min(2).max(100).exactOptional(),
    "--classes <names>",
    "classes to predict, such as benign,malignant,normal (default: the set's own)",
    (text) => text.split(",").map((name) => name.trim()),
  ),
  /** Absent: malignant if there is such a class, else the last one. */
  positive: setting(
    z.string().min(1).max(60).exactOptional(),
    "--positive <name>",
    "positive class of sensitivity, specificity and the other binary metrics",
  ),
  masksInverted: setting(
    z.boolean().default(false),
    "--masks-inverted",
    "the masks of --data are dark inside the nodule",
  ),
  phantomImages: setting(
    z.number().int().min(20).max(100_000),
    "--phantom-images <n>",
    "images of the phantom, training and validation together; as an external set a fifth of them, at least 20",
  ),
  /** Seed of initial values, image order and flips; of the split too, unless `splitSeed` is given. */
  seed: setting(seed(), "--seed <n>", "seed of weights, order and flips; of the split and the phantom too"),
  /** For comparing runs with different seeds on the same images. */
  splitSeed: setting(
    seed().exactOptional(),
    "--split-seed <n>",
    "another seed for the split, and for the phantom's images",
  ),
  val: setting(z.number().gt(0).lt(1), "--val <share>", "share of the images to hold out, drawn at random"),
  folds: setting(
    z
      .number()
      .int()
      .min(0)
      .max(100)
      .refine((n) => n !== 1, { message: "one fold leaves nothing to train on" })
      .default(0),
    "--folds <k>",
    "k-fold cross-validation, with the set's own folds where it has k",
  ),
  /** "random", "set", "auto", or the path of a split file. */
  split: setting(
    z.string().min(1).default("auto"),
    "--split <name>",
    "split.json of a run, set for the set's own split, random, or auto: the set's if it has one",
  ),
  fold: setting(z.number().int().min(0).max(99).default(0), "--fold <i>", "the fold that is held out, from 0"),
  /** Height and width of the network's input. */
  size: setting(z.tuple([side, side]), "--size <pixels>", "input size, or HEIGHTxWIDTH; multiples of 32", parseSize),
  batch: setting(z.number().int().min(2).max(1024), "--batch <n>", "images per step"),
  lr: setting(
    learningRateSchema(),
    "--lr <rate>",
    "Adam's learning rate; of the first phase, if later ones have their own",
  ),
  schedule: setting(z.enum(["constant", "cosine"]), "--schedule <kind>", "learning rate over a phase"),
  flip: setting(z.boolean(), "--no-flip", "no horizontal flips"),
  crop: setting(z.enum(cropMethods), "--crop <method>", "how images are cropped to the tissue"),
  /** Absent in runs of earlier versions (data/crop-image.ts). */
  resize: z.enum(["pillow", "libvips"]).default("libvips"),
  /** "" for none. */
  external: setting(
    z.string().default(""),
    "--external <dir>",
    "also evaluate at the end on this folder, or on phantom or phantom-b, which is never trained on",
  ),
  /** "balanced": as in scikit-learn, inverse to the class frequency. */
  classWeights: setting(
    z.enum(["none", "balanced"]).default("none"),
    "--class-weights <kind>",
    "weights of the classes in the loss",
  ),
  /** "balanced": an epoch sees equally many images of each class, repeating those of rarer ones. */
  sampling: setting(
    z.enum(["none", "balanced"]).default("none"),
    "--sampling <kind>",
    "whether the classifier sees equally many images of each class",
  ),
  /** Absent: from the initial values of the seed. */
  init: setting(
    initSchema.exactOptional(),
    "--init <run>",
    "begin from the weights of this run folder, checkpoint or file of PyTorch's; PART=RUN takes one part of the network, and --init may be repeated (default: from random values)",
  ),
  recompute: setting(
    z.boolean().default(false),
    "--recompute",
    "recompute cheap activations in the backward pass: less memory, more time",
  ),
  /** The last epoch of a phase is always evaluated. */
  evalEvery: setting(z.number().int().min(1), "--eval-every <n>", "epochs between evaluations"),
};

type CommonSettings = z.infer<z.ZodObject<typeof commonSettings>>;

/** Settings of a training run. Also holds the model's own, whose types its spec knows. */
export interface TrainConfig extends Omit<CommonSettings, "init">, Pick<TrainedWith, "init" | "freeze"> {
  /** Model id. */
  model: string;
  /** Number of epochs of each phase. */
  epochs: Readonly<Record<string, number>>;
}

/** The schema of a model's configurations. */
export function configSchema(spec: ModelSpec): z.ZodObject {
  const phases = Object.fromEntries(spec.phases.map(({ name }) => [name, epochs]));
  return z.strictObject({
    model: z.literal(spec.id),
    ...commonSettings,
    epochs: z.strictObject(phases),
    ...spec.options,
  });
}

export const specOf = ({ model }: Pick<TrainConfig, "model">): ModelSpec => modelNamed(model);

/** The seed of the split and the phantom's images, which are not part of the training itself. */
export const dataSeed = ({ seed, splitSeed }: Pick<TrainConfig, "seed" | "splitSeed">): number => splitSeed ?? seed;

/** Number of images of a phantom that is an external set, of which as many are drawn as are usually held out. */
export const externalImages = ({ phantomImages }: Pick<TrainConfig, "phantomImages">): number =>
  Math.max(20, Math.round(0.2 * phantomImages));

export function outlinesOf(config: TrainConfig): Outlines {
  const outlines = specOf(config).outlines(config);
  return learnedOutlines(config, specOf(config)) ? { ...outlines, learned: true } : outlines;
}

export const totalEpochs = ({ epochs }: Pick<TrainConfig, "epochs">): number =>
  Object.values(epochs).reduce((a, b) => a + b, 0);

const common = {
  data: PHANTOM,
  seed: 0,
  flip: true,
  crop: "adaptive",
  resize: "pillow",
  val: 0.3,
  format: "auto",
  labelFrom: "set",
  target: "class",
  masksInverted: false,
  split: "auto",
  folds: 0,
  fold: 0,
  external: "",
  classWeights: "none",
  sampling: "none",
  recompute: false,
} as const;

const presets = {
  /** Minutes on two CPU cores, seconds on a GPU. */
  quick: {
    ...common,
    preset: "quick",
    phantomImages: 900,
    size: [96, 96],
    batch: 8,
    val: 0.2,
    schedule: "cosine",
    evalEvery: 2,
  },
  /** As published. */
  paper: {
    ...common,
    preset: "paper",
    phantomImages: 2000,
    size: [224, 224],
    batch: 32,
    schedule: "constant",
    evalEvery: 1,
  },
} as const;

export const presetNames = Object.keys(presets) as readonly PresetName[];

/** The settings that a preset starts from, for the phantom or for a folder of images. */
export function presetFor(name: PresetName, data: string, model = DEFAULT_MODEL): TrainConfig {
  const spec = modelNamed(model);
  const onImages = name === "quick" && !isPhantom(data);
  return checkConfig({
    model,
    ...presets[name],
    ...spec.presets[name],
    // The phantom can have any number of images, a folder has a few hundred.
    ...(onImages ? { val: common.val, ...spec.presets.images } : {}),
  });
}

/**
 * Checks a configuration from any source. Without a model it is MGA-Net's, like those written before there were others.
 * @throws ConfigError naming the first invalid setting
 */
export function checkConfig(config: unknown): TrainConfig {
  const given = typeof config === "object" ? config : null;
  const model = given && "model" in given ? given.model : DEFAULT_MODEL;
  if (typeof model !== "string") throw new ConfigError("must be the name of a model", "model");
  const spec = modelNamed(model);
  const result = configSchema(spec).safeParse(given ? { model, ...given } : config, { reportInput: true });
  if (!result.success) {
    const { path, fault } = firstFault(result.error);
    throw new ConfigError(fault, path || "configuration");
  }
  const checked = result.data as unknown as TrainConfig;
  if (totalEpochs(checked) === 0) {
    const phases = spec.phases.length === 1 ? "the training has no epoch" : "no stage has an epoch";
    throw new ConfigError(`${phases}: there is nothing to train`);
  }
  requireOrigin(checked, spec);
  if (checked.folds > 0 && checked.fold >= checked.folds) {
    throw new ConfigError(`there is no fold ${checked.fold} of ${checked.folds}: they count from 0`, "fold");
  }
  if (isPhantom(checked.data) && checked.split === "set") {
    throw new ConfigError("the phantom has no split of its own", "split");
  }
  return spec.check ? { ...checked, ...spec.check(checked) } : checked;
}
