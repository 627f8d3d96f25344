/** Images from folders on disk, prepared and batched by worker threads. */
import path from "node:path";
import { isPhantom, type PhantomName } from "../data/phantom/scanner.ts";
import { type Dataset, isBare, type Prepared } from "../data/sample.ts";
import type { ClassRequest } from "../data/settle-classes.ts";
import type { MaskTarget } from "../data/target.ts";
import type { BatchSource, ImageSource, KeptSplit, PreparedData, PrepareOptions, SplitSides } from "../runs/images.ts";
import { splitAsConfigured, splitFile, withoutSeen } from "../runs/sides.ts";
import { classesOfPhantom, requireTargets, usableImages } from "../runs/usable-images.ts";
import { dataSeed, type TrainConfig } from "../train/config.ts";
import { BatchLoader } from "./data/loader.ts";
import { openDataset, type OpenOptions } from "./data/open.ts";
import { preparePhantom } from "./data/phantom.ts";
import { prepareDataset } from "./data/prepare.ts";
import { readSplitFile } from "./data/split-file.ts";

export const folderImages: ImageSource = {
  check: async (config, options = {}) =>
    isPhantom(config.data) ? classesOfPhantom(config) : (await openSet(config, options)).classes,
  prepare: (config, options = {}) =>
    isPhantom(config.data) ? drawPhantom(config.data, config, options) : readFolder(config, options),
  split: (prepared: readonly Prepared[], config: TrainConfig, kept?: KeptSplit): SplitSides =>
    splitAsConfigured(prepared, config, kept, readSplitFile),
  splitText: (sides: SplitSides, data: string): string => splitFile(sides, data),
  withoutSeen,
  batches: (prepared: readonly Prepared[], target?: MaskTarget): BatchSource => new BatchLoader(prepared, { target }),
};

async function drawPhantom(scanner: PhantomName, config: TrainConfig, options: PrepareOptions): Promise<PreparedData> {
  const [height, width] = config.size;
  const seed = dataSeed(config);
  const classes = classesOfPhantom(config);
  const { crop, resize, target, phantomImages: count } = config;
  const prepared = await preparePhantom({ scanner, seed, count, target }, { width, height, crop, resize, ...options });
  return { name: `${scanner} ${seed}`, classes, prepared, skipped: [], notes: [] };
}

/** Reads the annotations. @throws DataError also for a set without targets, if the configuration learns from them */
async function openSet(config: TrainConfig, options: PrepareOptions): Promise<Dataset> {
  const { signal, missingClasses } = options;
  const dataset = await openDataset(config.data, {
    ...openOptions(config),
    ...(signal ? { signal } : {}),
    ...(missingClasses ? { missingClasses } : {}),
  });
  requireTargets(config, dataset, options);
  return dataset;
}

async function readFolder(
  config: TrainConfig,
  { bare, missingClasses, ...options }: PrepareOptions,
): Promise<PreparedData> {
  const [height, width] = config.size;
  const { data, crop, resize } = config;
  const given = { ...options, ...(bare ? { bare } : {}), ...(missingClasses ? { missingClasses } : {}) };
  const dataset = await openSet(config, given);
  const { prepared, skipped, notes } = await prepareDataset(dataset, { width, height, crop, resize, ...options });
  const set = {
    name: path.basename(path.resolve(data)),
    classes: dataset.classes,
    prepared,
    skipped: [...dataset.skipped, ...skipped],
    notes: [...dataset.notes, ...notes],
    unmarked: new Set(dataset.samples.filter(isBare).map(({ id }) => id)),
  };
  return usableImages(config, set, dataset.name, given);
}

/** How to read a configuration's folder. */
export const openOptions = ({
  format,
  labelFrom,
  masksInverted,
  target,
  classes,
  positive,
}: Pick<TrainConfig, "format" | "labelFrom" | "masksInverted"> & ClassRequest): OpenOptions => ({
  ...{ target, classes, positive },
  ...(format === "auto" ? {} : { format }),
  ...(labelFrom === "name" ? { labelFrom } : {}),
  masksInverted,
});
