/** The options of `train`, from the command line to a configuration. */
import { Option, type Command } from "commander";
import { fusions } from "../models/mganet.ts";
import {
  checkConfig,
  ConfigError,
  PHANTOM,
  presetFor,
  presets,
  trainConfigSchema,
  type TrainConfig,
} from "../train/config.ts";
import { explainedClasses, explainMethods, scaleNames } from "../train/explain.ts";
import { maskLosses } from "../train/losses.ts";
import { formats } from "../node/data/layouts/registry.ts";
import { duration, number, scales, size, text } from "./values.ts";

export interface TrainFlags {
  preset: TrainConfig["preset"];
  data?: string;
  phantomImages?: number;
  seed?: number;
  splitSeed?: number;
  width?: number;
  size?: [number, number];
  fusion?: TrainConfig["fusion"];
  at?: TrainConfig["at"];
  batch?: number;
  segEpochs?: number;
  jointEpochs?: number;
  lr?: number;
  jointLr?: number;
  schedule?: TrainConfig["schedule"];
  maskLoss?: TrainConfig["maskLoss"];
  alpha?: number;
  flip?: boolean;
  crop?: TrainConfig["crop"];
  val?: number;
  format?: string;
  labelFrom?: TrainConfig["labelFrom"];
  masksInverted?: boolean;
  split?: string;
  folds?: number;
  fold?: number;
  external?: string;
  classWeights?: TrainConfig["classWeights"];
  sampling?: TrainConfig["sampling"];
  evalEvery?: number;
  recompute?: boolean;
}

const choice = (flags: string, description: string, values: readonly string[]) =>
  new Option(flags, description).choices(values);

export const formatOption = (): Option =>
  new Option(
    "--format <name>",
    `layout of the folder: ${formats.slice(0, -1).join(", ")} or ${formats.at(-1)!} (default: recognised)`,
  ).argParser(text);

export const labelOption = (): Option =>
  choice("--label-from <what>", "classes that the set does not give: name takes them from words of the file names", [
    "set",
    "name",
  ]);
export const masksInvertedOption = (): Option =>
  new Option("--masks-inverted", "the masks of --data are dark where the nodule is");

export const cropOption = (): Option =>
  choice("--crop <method>", "how images are cropped to the tissue", ["adaptive", "fixed", "none"]);

/** Adds the options that decide which images are held out, but for which of the folds. */
function addSplitsOptions(command: Command): Command {
  return command
    .option("--val <share>", "share of the images that is held out, drawn at random", number)
    .option("--folds <k>", "k-fold cross-validation, with the set's own folds where it has k", number)
    .option(
      "--split <name>",
      "split.json of a run, set for the set's own split, random, or auto: the set's where it has one",
      text,
    );
}

/** Adds the options that decide which images are held out. */
export const addSplitOptions = (command: Command): Command =>
  addSplitsOptions(command).option("--fold <i>", "the fold that is held out, from 0", number);

const presetOption = () => choice("--preset <name>", "settings to start from", Object.keys(presets)).default("quick");
const widthOption = () =>
  new Option("--width <factor>", "factor on all channel counts; 1 is the paper's").argParser(number);
const sizeOption = () => new Option("--size <pixels>", "input size, or HEIGHTxWIDTH; multiples of 32").argParser(size);
const batchOption = () => new Option("--batch <n>", "images a step").argParser(number);

/** Adds those options of a training run that say which shapes it computes with. */
export const addShapeOptions = (command: Command): Command =>
  [presetOption(), widthOption(), sizeOption(), batchOption()].reduce((c, option) => c.addOption(option), command);

/** Adds the options of a training run to a command. */
export const addTrainOptions = (command: Command): Command =>
  addStudyOptions(command)
    .option("--fold <i>", "the fold that is held out, from 0", number)
    .option("--seed <n>", "seed of weights, order and flips; of the split and the phantom too", number)
    .option("--split-seed <n>", "another seed for the split, and for the phantom's images", number)
    .addOption(choice("--fusion <kind>", "how the mask enhances the features", fusions))
    .option("--at <scales>", "enhanced scales, such as 0,1,3, or every-block", scales);

/** Adds those options of a training run that all runs of a study share. */
export function addStudyOptions(command: Command): Command {
  command
    .addOption(presetOption())
    .option("--data <dir>", 'folder of images, or "phantom" for the built-in generator (default: phantom)', text)
    .addOption(formatOption())
    .addOption(labelOption())
    .addOption(masksInvertedOption());
  return addSplitsOptions(command)
    .option("--phantom-images <n>", "images of the phantom, training and validation together", number)
    .addOption(widthOption())
    .addOption(sizeOption())
    .addOption(batchOption())
    .option("--seg-epochs <n>", "epochs of the segmentation branch alone", number)
    .option("--joint-epochs <n>", "epochs of both branches", number)
    .option("--lr <rate>", "Adam's learning rate in the segmentation stage", number)
    .option("--joint-lr <rate>", "Adam's learning rate in the joint stage", number)
    .addOption(choice("--schedule <kind>", "learning rate over a stage", ["constant", "cosine"]))
    .addOption(choice("--mask-loss <kind>", "loss of the segmentation branch", maskLosses))
    .option("--alpha <weight>", "weight of the segmentation loss in the joint stage", number)
    .option("--no-flip", "no horizontal flips")
    .addOption(cropOption())
    .option("--external <dir>", "evaluate at the end on this folder too, which is never trained on", text)
    .addOption(choice("--class-weights <kind>", "weights of the classes in the loss", ["none", "balanced"]))
    .addOption(choice("--sampling <kind>", "whether the joint stage sees as many of each class", ["none", "balanced"]))
    .option("--recompute", "compute cheap activations again in the backward pass: less memory, more time")
    .option("--eval-every <n>", "epochs between evaluations", number);
}

export interface SaveOption {
  /** Seconds. */
  saveEvery: number;
}

/** For commands that train. No setting of the run: it changes nothing of what comes out. */
export const addSaveOption = (command: Command): Command =>
  command.addOption(
    new Option("--save-every <time>", "save within long epochs too, such as 30s, 10m, 1h; off: after each epoch only")
      .argParser(duration)
      .default(600, "10m"),
  );

/** For commands whose kernels follow the tuning record (tuned.ts). */
export const addTunedOption = (command: Command): Command =>
  command.option("--no-tuned", "the fixed variants of the kernels, whatever npm run tune has found to be faster");

/** For commands that can say where the time goes (profile.ts). */
export const addProfileOptions = (command: Command): Command =>
  command
    .option("--profile", "print where the time goes on the device, by kernel and by layer")
    .option("--trace <file>", "write that as a Chrome trace, for ui.perfetto.dev or chrome://tracing", text);

/** For commands that explain what the classifier has seen (explain.ts). `what` the panels are of. */
export function addExplainOptions(command: Command, what: string): Command {
  return command
    .addOption(
      choice("--explain [method]", `write panels of ${what}: image, activation, mask`, explainMethods).preset(
        "gradcam",
      ),
    )
    .addOption(choice("--scale <name>", "scale whose features are explained (default: L4)", scaleNames))
    .addOption(choice("--class <name>", "class that is explained (default: the predicted one)", explainedClasses))
    .option("--base <run>", "a run with --fusion none, whose activation is shown in the panels too", text);
}

/** The names of all settings. */
const settings: ReadonlySet<string> = new Set(Object.keys(trainConfigSchema.shape));

/** The preset with what the user gave instead. @throws ConfigError naming the option */
export function configOf(flags: TrainFlags): TrainConfig {
  const { preset: name, segEpochs, jointEpochs, flip, ...rest } = flags;
  const preset = presetFor(name, flags.data ?? PHANTOM);
  const given = Object.fromEntries(
    Object.entries(rest).filter(([key, value]) => settings.has(key) && value !== undefined),
  );
  if (given["phantomImages"] !== undefined && (given["data"] ?? preset.data) !== PHANTOM) {
    throw new ConfigError("--phantom-images has no effect with --data");
  }
  if (given["labelFrom"] === "name" && (given["data"] ?? preset.data) === PHANTOM && given["external"] === undefined) {
    throw new ConfigError("--label-from has no effect on the phantom, which knows its classes");
  }
  if (given["masksInverted"] !== undefined && (given["data"] ?? preset.data) === PHANTOM) {
    throw new ConfigError("--masks-inverted has no effect without --data");
  }
  if (given["at"] !== undefined && given["fusion"] === "none") {
    throw new ConfigError("--at has no effect with --fusion none");
  }
  try {
    return checkConfig({
      ...preset,
      ...given,
      ...splitOf(flags),
      // --no-flip is the only form of this option; without it the preset decides.
      flip: flip === false ? false : preset.flip,
      epochs: {
        segmentation: segEpochs ?? preset.epochs.segmentation,
        joint: jointEpochs ?? preset.epochs.joint,
      },
    });
  } catch (error) {
    throw byOption(error);
  }
}

/** A share is drawn at random, unless another split is asked for. @throws ConfigError for options that do not go together */
export function splitOf({ val, split, folds, fold }: TrainFlags): Partial<TrainConfig> {
  const fromFile = split !== undefined && !["auto", "set", "random"].includes(split);
  if (fromFile && (val !== undefined || folds !== undefined)) {
    throw new ConfigError(`--${val === undefined ? "folds" : "val"} has no effect with --split ${split}`);
  }
  if (folds !== undefined && val !== undefined) throw new ConfigError("--val has no effect with --folds");
  if (fold !== undefined && folds === undefined) throw new ConfigError("--fold needs --folds, how many there are");
  return val !== undefined && split === undefined ? { split: "random" } : {};
}

/** The same error, if it is of a setting, under the name of the setting's option. */
export function byOption(error: unknown): unknown {
  if (!(error instanceof ConfigError) || error.setting === undefined) return error;
  const [setting] = error.setting.split(".");
  const option =
    setting === "epochs"
      ? `--${error.setting.endsWith("joint") ? "joint" : "seg"}-epochs`
      : `--${setting!.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`;
  return new ConfigError(`${option}: ${error.reason}`);
}

/** What may go with --resume; everything else is a setting, and those are the run's. */
const withResume = new Set([
  "resume",
  "saveEvery",
  "summary",
  "json",
  "adapter",
  "debug",
  "tuned",
  "profile",
  "trace",
  "tensorboard",
]);

/** @throws ConfigError naming the options that a resumed run would have to ignore */
export function requireOnlyResume(command: Command): void {
  const ignored = command.options.filter((option) => {
    const name = option.attributeName();
    return command.getOptionValueSource(name) === "cli" && !withResume.has(name);
  });
  if (ignored.length === 0) return;
  const names = ignored.map((option) => option.long).join(", ");
  throw new ConfigError(`--resume takes all settings from the run: leave out ${names}`);
}
