/** Images from folders on disk, prepared and batched by worker threads. */
import path from "node:path";
import { sameNames } from "../data/classes.ts";
import { phantomClasses } from "../data/phantom/labels.ts";
import { isPhantom, type PhantomName } from "../data/phantom/scanner.ts";
import { type Classes, DataError, type Dataset, isBare, type Prepared } from "../data/sample.ts";
import { type ClassRequest, resolveClasses } from "../data/settle-classes.ts";
import { hasTarget, type MaskTarget } from "../data/target.ts";
import type { BatchSource, ImageSource, KeptSplit, PreparedData, PrepareOptions, SplitSides } from "../runs/images.ts";
import { classesOf } from "../train/classes.ts";
import { dataSeed, outlinesOf, specOf, type TrainConfig } from "../train/config.ts";
import { BatchLoader } from "./data/loader.ts";
import { openDataset, type OpenOptions } from "./data/open.ts";
import { preparePhantom } from "./data/phantom.ts";
import { prepareDataset } from "./data/prepare.ts";
import { splitData, splitFile, withoutSeen } from "./data/sides.ts";

export const folderImages: ImageSource = {
  check: async (config, options = {}) =>
    isPhantom(config.data) ? classesOfPhantom(config) : (await openSet(config, options)).classes,
  prepare: (config, options = {}) =>
    isPhantom(config.data) ? drawPhantom(config.data, config, options) : readFolder(config, options),
  split(prepared: readonly Prepared[], config: TrainConfig, kept?: KeptSplit): SplitSides {
    const classes = classesOf(config);
    if (!kept) return splitData(prepared, config, { classes });
    const { file: split, text } = kept;
    return splitData(prepared, { ...config, split, folds: 0, fold: 0 }, { classes, text });
  },
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

/** @throws DataError for other classes than the target's, or in another order */
function classesOfPhantom({ target = "class", ...request }: ClassRequest): Classes {
  const own = phantomClasses(target);
  const classes = resolveClasses(request, own);
  if (sameNames(classes, own)) return classes;
  const list = ({ names }: Classes) => `${names.slice(0, -1).join(", ")} and ${names.at(-1)!}`;
  const more = target === "class" ? `; with --target kind ${list(phantomClasses("kind"))}` : "";
  throw new DataError(`the phantom has the classes ${list(own)} only${more}`);
}

const targetOf = (config: TrainConfig): MaskTarget => outlinesOf(config).target ?? "ellipse";

/** Whether images without a target are kept. */
const keepsBare = (config: TrainConfig, { bare }: PrepareOptions): boolean =>
  (bare ?? (outlinesOf(config).needed ? "skip" : "keep")) === "keep";

/** Reads the annotations. @throws DataError also for a set without targets, if the configuration learns from them */
async function openSet(config: TrainConfig, options: PrepareOptions): Promise<Dataset> {
  const { signal, missingClasses } = options;
  const dataset = await openDataset(config.data, {
    ...openOptions(config),
    ...(signal ? { signal } : {}),
    ...(missingClasses ? { missingClasses } : {}),
  });
  if (!keepsBare(config, options) && dataset.samples.some((sample) => !hasTarget(sample, targetOf(config)))) {
    requireTargets(config, dataset.name, dataset.samples);
  }
  return dataset;
}

function requireTargets(
  config: TrainConfig,
  name: string,
  images: readonly { boxes: readonly unknown[]; shape?: unknown }[],
): void {
  const boxed = images.some(({ boxes }) => boxes.length > 0);
  const { target, without: by, onBoxes } = outlinesOf(config);
  if (boxed && (target !== "outline" || images.some(({ shape }) => shape !== undefined))) return;
  if (boxed) {
    throw new DataError(`${config.data}: has boxes only, no outlines${onBoxes ? `: train with ${onBoxes}` : ""}`);
  }
  const without = by ? `, or train without masks by ${by}` : "";
  throw new DataError(
    `${config.data}: the ${name} images have no outlines, from which ${specOf(config).title} learns: give boxes or masks${without}`,
  );
}

/**
 * Leaves out images without a box, with a reason, unless they are known to have no nodule: those whose nodule lies outside the
 * tissue and, if targets are needed, those without one, also where they have a box but not the outline that is learned.
 */
async function readFolder(
  config: TrainConfig,
  { bare, missingClasses, ...options }: PrepareOptions,
): Promise<PreparedData> {
  const [height, width] = config.size;
  const { data, crop, resize } = config;
  const given = { ...options, ...(bare ? { bare } : {}), ...(missingClasses ? { missingClasses } : {}) };
  const dataset = await openSet(config, given);
  const { prepared, skipped, notes } = await prepareDataset(dataset, { width, height, crop, resize, ...options });
  const unmarked = new Set(dataset.samples.filter(isBare).map(({ id }) => id));
  const keep = keepsBare(config, given);
  const marked = prepared.filter((p) => !isBare(p) || (keep && unmarked.has(p.id)));
  const usable = keep ? marked : marked.filter((p) => hasTarget(p, targetOf(config)));
  const boxed = marked.length - usable.length;
  if (!keep && unmarked.size + boxed > 0) requireTargets(config, dataset.name, marked);
  if (usable.length === 0) throw new DataError(`${data}: no image has a nodule marked on it`);
  const kept = new Set(usable);
  const reasonOf = (p: Prepared) =>
    isBare(p) ? "no nodule is marked on it" : "has boxes, but not the outline of each nodule";
  return {
    name: path.basename(path.resolve(data)),
    classes: dataset.classes,
    prepared: usable,
    skipped: [
      ...dataset.skipped,
      ...skipped,
      ...prepared.filter((p) => !kept.has(p)).map((p) => ({ file: p.id, reason: reasonOf(p) })),
    ],
    notes: [...(boxed > 0 ? [boxesOnly(boxed, marked.length, config)] : []), ...dataset.notes, ...notes],
  };
}

/** @param boxed how many of the `marked` images have boxes only */
function boxesOnly(boxed: number, marked: number, config: TrainConfig): string {
  const { onBoxes } = outlinesOf(config);
  const others = onBoxes ? `: ${onBoxes} uses them` : "";
  return `${boxed} of ${marked} images have boxes only, without the outlines that are learned, and are left out${others}`;
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
