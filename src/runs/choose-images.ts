/** Chooses the images that a checkpoint is evaluated on. */
import type { Prepared, Skipped } from "../data/sample.ts";
import type { EvaluatedSide } from "../metrics/predictions.ts";
import { ConfigError } from "../models/config-error.ts";
import { classesOf } from "../train/classes.ts";
import { dataSeed, externalImages, type TrainConfig } from "../train/config.ts";
import type { ImageSource } from "./images.ts";
import { prepareExternal, prepareImages, requireClassesOf, type LoadOptions } from "./load-data.ts";
import { ownSplit, type Loaded } from "./run.ts";

/** The settings that images were prepared with. */
export type ImageOrigin = Pick<
  TrainConfig,
  "data" | "format" | "labelFrom" | "target" | "masksInverted" | "phantomImages" | "seed" | "splitSeed"
>;

export interface ChosenImages {
  images: Prepared[];
  skipped: Skipped[];
  notes: string[];
  on: EvaluatedSide;
  /** A description of the images: "held-out images of ddti". */
  what: string;
  /** The data set's name. */
  name: string;
  origin: ImageOrigin;
}

/** Options for reading images other than the run's own: they have no effect without `data`. */
export const otherDataSettings = ["format", "labelFrom", "target", "masksInverted"] as const;

export type ChoiceOptions = { data?: string; on?: Exclude<EvaluatedSide, "all"> } & {
  [name in (typeof otherDataSettings)[number]]?: TrainConfig[name];
};

function originOf(config: TrainConfig): ImageOrigin {
  const { data, format, labelFrom, target, masksInverted, phantomImages, seed } = config;
  return { data, format, labelFrom, target, masksInverted, phantomImages, seed, splitSeed: dataSeed(config) };
}

/** The images selected by the options, prepared for the checkpoint's network. @throws ConfigError, DataError */
export async function chooseImages(
  source: ImageSource,
  { checkpoint: { config }, store }: Loaded,
  options: ChoiceOptions,
  load: LoadOptions,
): Promise<ChosenImages> {
  const { data, on } = options;
  if (data !== undefined) return allOf(source, config, { ...options, data }, load);
  const idle = otherDataSettings.find((name) => options[name] !== undefined);
  if (idle)
    throw new ConfigError("has no effect without --data: the run's own images are read as it was trained", idle);
  const { prepared, skipped, name, notes, classes } = await prepareImages(source, config, load);
  requireClassesOf(config, classes);
  const text = await ownSplit(store);
  const sides = source.split(
    prepared,
    config,
    text === undefined ? undefined : { file: store.path("split.json"), text },
  );
  const origin = originOf(config);
  if (on === "external") {
    if (config.external === "")
      throw new ConfigError("external has no images: the run was trained without --external", "on");
    const external = await prepareExternal(source, config, [...sides.train, ...sides.val], load);
    const { name, prepared: images, skipped, notes } = external;
    const phantomImages = externalImages(config);
    const itsOwn = { data: config.external, phantomImages, format: "auto", masksInverted: false };
    return { images, skipped, notes, on, what: `images of ${name}`, name, origin: { ...origin, ...itsOwn } };
  }
  if (on !== "test") {
    return { images: sides.val, skipped, notes, on: "val", what: `held-out images of ${name}`, name, origin };
  }
  if (sides.test.length === 0) throw new ConfigError("test has no images: the run's split has none for testing", "on");
  return { images: sides.test, skipped, notes, on, what: `test images of ${name}`, name, origin };
}

/** All images of another set. */
async function allOf(
  source: ImageSource,
  config: TrainConfig,
  { data, on, ...given }: ChoiceOptions & { data: string },
  load: LoadOptions,
): Promise<ChosenImages> {
  if (on !== undefined) throw new ConfigError("has no effect with --data, all of which is evaluated", "on");
  const { format = "auto", labelFrom = config.labelFrom, target = config.target, masksInverted = false } = given;
  const { names, positive } = classesOf(config);
  // Look for the network's classes, whatever others the set has.
  const classes = { classes: [...names], positive: names[positive]! };
  const other = { ...config, data, format, labelFrom, target, masksInverted, ...classes };
  const { prepared, skipped, name, notes } = await prepareImages(source, other, {
    ...load,
    bare: "keep",
    missingClasses: "allow",
  });
  return { images: prepared, skipped, notes, on: "all", what: `images of ${name}`, name, origin: originOf(other) };
}
