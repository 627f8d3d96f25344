/** The options of `train`, from the command line to a configuration. */
import { Option, type Command } from "commander";
import { fusions } from "../models/mganet.ts";
import { checkConfig, ConfigError, presets, type TrainConfig } from "../train/config.ts";
import { maskLosses } from "../train/losses.ts";

/** A number as the user wrote it; whether it makes sense is for the configuration's schema to say. */
function number(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new ConfigError(`"${text}" is not a number`);
  return value;
}

/** "224" or "192x256" (height x width). */
function size(text: string): [number, number] {
  const sides = text.split("x").map(number);
  if (sides.length > 2) throw new ConfigError(`size: "${text}" is neither a number nor HEIGHTxWIDTH`);
  return [sides[0]!, sides[1] ?? sides[0]!];
}

/** "0,2,4" or "every-block". */
function at(text: string): TrainConfig["at"] {
  if (text === "every-block") return text;
  return text.split(",").map((part) => number(part.replace(/^L/i, "")));
}

export interface TrainFlags {
  preset: TrainConfig["preset"];
  data?: string;
  phantomImages?: number;
  seed?: number;
  width?: number;
  size?: [number, number];
  fusion?: TrainConfig["fusion"];
  at?: TrainConfig["at"];
  batch?: number;
  segEpochs?: number;
  jointEpochs?: number;
  lr?: number;
  schedule?: TrainConfig["schedule"];
  maskLoss?: TrainConfig["maskLoss"];
  alpha?: number;
  flip?: boolean;
  crop?: TrainConfig["crop"];
  val?: number;
  evalEvery?: number;
}

/** Adds the options of a training run to a command. */
export function addTrainOptions(command: Command): Command {
  const choice = (flags: string, description: string, values: readonly string[]) =>
    new Option(flags, description).choices(values);
  return command
    .addOption(choice("--preset <name>", "settings to start from", Object.keys(presets)).default("quick"))
    .option("--data <dir>", 'folder of images, or "phantom" for the built-in generator (default: phantom)')
    .option("--phantom-images <n>", "images of the phantom, training and validation together", number)
    .option("--seed <n>", "seed of weights, split, order and flips", number)
    .option("--width <factor>", "factor on all channel counts; 1 is the paper's", number)
    .option("--size <pixels>", "input size, or HEIGHTxWIDTH; multiples of 32", size)
    .addOption(choice("--fusion <kind>", "how the mask enhances the features", fusions))
    .option("--at <scales>", "enhanced scales, such as 0,1,3, or every-block", at)
    .option("--batch <n>", "images a step", number)
    .option("--seg-epochs <n>", "epochs of the segmentation branch alone", number)
    .option("--joint-epochs <n>", "epochs of both branches", number)
    .option("--lr <rate>", "Adam's learning rate", number)
    .addOption(choice("--schedule <kind>", "learning rate over a stage", ["constant", "cosine"]))
    .addOption(choice("--mask-loss <kind>", "loss of the segmentation branch", maskLosses))
    .option("--alpha <weight>", "weight of the segmentation loss in the joint stage", number)
    .option("--no-flip", "no horizontal flips")
    .addOption(choice("--crop <method>", "how images are cropped to the tissue", ["adaptive", "fixed", "none"]))
    .option("--val <share>", "share of the images that is held out", number)
    .option("--eval-every <n>", "epochs between evaluations", number);
}

/** The preset with what the user gave instead. @throws ConfigError */
export function configOf(flags: TrainFlags): TrainConfig {
  const { preset: name, segEpochs, jointEpochs, flip, ...rest } = flags;
  const preset = presets[name];
  const given = Object.fromEntries(Object.entries(rest).filter(([key, value]) => key in preset && value !== undefined));
  return checkConfig({
    ...preset,
    ...given,
    // --no-flip is the only form of this option; without it the preset decides.
    flip: flip === false ? false : preset.flip,
    epochs: {
      segmentation: segEpochs ?? preset.epochs.segmentation,
      joint: jointEpochs ?? preset.epochs.joint,
    },
  });
}
