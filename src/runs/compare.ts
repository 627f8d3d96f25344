/** Compares two checkpoints on the same images. */
import { isPhantom } from "../data/phantom/scanner.ts";
import type { Prepared } from "../data/sample.ts";
import { sameNames } from "../data/classes.ts";
import { parseSplit } from "../data/split-file.ts";
import { delong, delongReason, type DelongComparison } from "../metrics/delong.ts";
import { casesOf, type Classified } from "../metrics/predictions.ts";
import type { Classes } from "../data/classes.ts";
import { ConfigError } from "../models/config-error.ts";
import { isClassifier } from "../train/checkpoint.ts";
import { classesOf } from "../train/classes.ts";
import { dataSeed, type TrainConfig } from "../train/config.ts";
import type { ChosenImages, ImageOrigin } from "./choose-images.ts";
import type { ImageSource } from "./images.ts";
import { prepareImages, type LoadOptions } from "./load-data.ts";
import { ownSplit, type Loaded } from "./run.ts";

export interface CompareOptions extends LoadOptions {
  /** Whether two data set names refer to the same folder. */
  sameFile: (a: string, b: string) => boolean;
}

/**
 * The chosen images, prepared for another checkpoint's network.
 * @throws ConfigError if it cannot be compared on these images, for example because it was trained on some of them
 */
export async function imagesForOther(
  source: ImageSource,
  other: Loaded,
  own: TrainConfig,
  chosen: ChosenImages,
  options: CompareOptions,
): Promise<{ images: Prepared[]; notes: string[] }> {
  const { config } = other.checkpoint;
  const refuse = (reason: string) => new ConfigError(reason, "compare");
  if (!isClassifier(other.checkpoint)) throw refuse(`the classifier of ${other.file} has not been trained yet`);
  if (!sameNames(classesOf(config), classesOf(own))) {
    const [a, b] = [classesOf(config), classesOf(own)].map(({ names }) => names.join(", "));
    throw refuse(`${other.file} was trained on the classes ${a}, not ${b}`);
  }
  const notes = await requireUnseen(other, chosen, options, refuse);
  const { images, origin } = chosen;
  if (config.crop === own.crop && config.size.join() === own.size.join()) return { images, notes };
  const { prepared } = await prepareImages(
    source,
    { ...config, ...origin },
    { ...options, bare: "keep", missingClasses: "allow" },
  );
  const byId = new Map(prepared.map((p) => [p.id, p]));
  const others = images.map(({ id }) => {
    const found = byId.get(id);
    if (!found) throw refuse(`${id} cannot be prepared as the other run takes it`);
    return found;
  });
  return { images: others, notes };
}

async function requireUnseen(
  { checkpoint: { config }, file, store }: Loaded,
  { images, origin }: ChosenImages,
  { sameFile }: CompareOptions,
  refuse: (reason: string) => ConfigError,
): Promise<string[]> {
  if (!sameImages(config, origin, sameFile)) {
    return [`${file} was trained on other data; whether it has seen some of these images is not checked`];
  }
  const split = await ownSplit(store);
  if (split === undefined) return [`There is no split.json beside ${file}: what it was trained on is not known`];
  const sides = parseSplit(split);
  const seen = images.filter(({ id }) => sides.get(id) === "train");
  if (seen.length === 0) return [];
  throw refuse(`${file} was trained on ${seen.length} of the ${images.length} images, such as ${seen[0]!.id}`);
}

/** Whether an id names the same image in both. */
function sameImages(a: ImageOrigin, b: ImageOrigin, sameFile: CompareOptions["sameFile"]): boolean {
  if (isPhantom(a.data) || isPhantom(b.data)) return a.data === b.data && dataSeed(a) === dataSeed(b);
  return sameFile(a.data, b.data);
}

/**
 * Compares the AUCs of the positive class; the difference is `own` minus `other`. Both are for the same images, in the same
 * order. A string says why they cannot be compared.
 */
export function compareAucs(
  own: readonly Classified[],
  other: readonly Classified[],
  classes: Classes,
): DelongComparison | string {
  const [a, b] = [casesOf(other, classes), casesOf(own, classes)];
  return delongReason(a.label) ?? delong(a.label, a.score, b.score);
}
