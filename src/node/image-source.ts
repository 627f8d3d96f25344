/** Images from folders on disk, prepared and put into batches by worker threads. */
import path from "node:path";
import { benignMalignant, sameNames } from "../data/classes.ts";
import { DataError, type Prepared } from "../data/sample.ts";
import { ConfigError } from "../models/config-error.ts";
import type { BatchSource, ImageSource, KeptSplit, PreparedData, PrepareOptions, SplitSides } from "../runs/images.ts";
import { classesOf } from "../train/classes.ts";
import { dataSeed, outlinesOf, PHANTOM, specOf, type TrainConfig } from "../train/config.ts";
import { BatchLoader } from "./data/loader.ts";
import { openDataset, type OpenOptions } from "./data/open.ts";
import { preparePhantom } from "./data/phantom.ts";
import { prepareDataset } from "./data/prepare.ts";
import { splitData, splitFile, withoutSeen } from "./data/sides.ts";

export const folderImages: ImageSource = {
  prepare: (config, options = {}) =>
    config.data === PHANTOM ? drawPhantom(config, options) : readFolder(config, options),
  split(prepared: readonly Prepared[], config: TrainConfig, kept?: KeptSplit): SplitSides {
    if (!kept) return splitData(prepared, config);
    return splitData(prepared, { ...config, split: kept.file, folds: 0, fold: 0 }, kept.text);
  },
  splitText: (sides: SplitSides, data: string): string => splitFile(sides, data),
  withoutSeen,
  batches: (prepared: readonly Prepared[]): BatchSource => new BatchLoader(prepared),
};

async function drawPhantom(config: TrainConfig, options: PrepareOptions): Promise<PreparedData> {
  const [height, width] = config.size;
  const seed = dataSeed(config);
  const classes = classesOf(config);
  if (config.target !== "class") throw new ConfigError(`the phantom has no ${config.target} grades`, "target");
  if (!sameNames(classes, benignMalignant)) {
    throw new ConfigError(`the phantom's are ${benignMalignant.names.join(", ")}`, "classes");
  }
  const { crop } = config;
  const prepared = await preparePhantom({ seed, count: config.phantomImages }, { width, height, crop, ...options });
  return { name: `phantom ${seed}`, classes, prepared, skipped: [], notes: [] };
}

/**
 * Images without a box are left out, and said so: those whose nodule lies outside the tissue, and, where outlines are needed,
 * those of which none is known.
 */
async function readFolder(config: TrainConfig, { bare, ...options }: PrepareOptions): Promise<PreparedData> {
  const [height, width] = config.size;
  const { data, crop } = config;
  const dataset = await openDataset(data, {
    ...openOptions(config),
    ...(options.signal ? { signal: options.signal } : {}),
  });
  const { prepared, skipped, notes } = await prepareDataset(dataset, { width, height, crop, ...options });
  const unmarked = new Set(dataset.samples.filter(({ boxes }) => boxes.length === 0).map(({ id }) => id));
  const outlines = outlinesOf(config);
  const keep = (bare ?? (outlines.needed ? "skip" : "keep")) === "keep";
  const usable = prepared.filter((p) => p.boxes.length > 0 || (keep && unmarked.has(p.id)));
  if (usable.length === 0 && unmarked.size > 0) {
    const { title } = specOf(config);
    const without = outlines.without ? `, or train without masks by ${outlines.without}` : "";
    throw new DataError(
      `${data}: the ${dataset.name} images have no outlines, from which ${title} learns: give boxes or masks${without}`,
    );
  }
  if (usable.length === 0) throw new DataError(`${data}: no image has a nodule marked on it`);
  const kept = new Set(usable);
  return {
    name: path.basename(path.resolve(data)),
    classes: dataset.classes,
    prepared: usable,
    skipped: [
      ...dataset.skipped,
      ...skipped,
      ...prepared.filter((p) => !kept.has(p)).map((p) => ({ file: p.id, reason: "no nodule is marked on it" })),
    ],
    notes: [...dataset.notes, ...notes],
  };
}

/** How the folder of a configuration is to be read. */
export const openOptions = ({
  format,
  labelFrom,
  masksInverted,
}: Pick<TrainConfig, "format" | "labelFrom" | "masksInverted">): OpenOptions => ({
  ...(format === "auto" ? {} : { format }),
  ...(labelFrom === "name" ? { labelFrom } : {}),
  masksInverted,
});
