/** `mganet evaluate --compare`: another run's network on the same images. */
import { existsSync } from "node:fs";
import path from "node:path";
import type { Prepared } from "../data/sample.ts";
import { parseSplit } from "../data/split-file.ts";
import { delong, delongReason, type DelongComparison } from "../metrics/delong.ts";
import type { Classified } from "../metrics/predictions.ts";
import { prepareData } from "../node/data/training-data.ts";
import { readInput } from "../node/files.ts";
import { findCheckpoint, withOwnSplit } from "../node/run-folder.ts";
import { type Checkpoint, trainedStage } from "../train/checkpoint.ts";
import { ConfigError, dataSeed, PHANTOM, type TrainConfig } from "../train/config.ts";
import type { Chosen, Source } from "./evaluated.ts";

export interface Other {
  checkpoint: Checkpoint;
  file: string;
  /** The images, as this network takes them. */
  images: Prepared[];
  notes: string[];
}

/**
 * Another run, and the chosen images for it.
 * @throws ConfigError if it cannot be compared on these images, such as because it has been trained with some of them
 */
export async function prepareOther(target: string, config: TrainConfig, chosen: Chosen): Promise<Other> {
  const { checkpoint, file } = await findCheckpoint(target);
  if (trainedStage(checkpoint) === "segmentation") {
    throw new ConfigError(`--compare: the classifier of ${file} has not been trained yet`);
  }
  const notes = await requireUnseen(file, checkpoint.config, chosen);
  return { checkpoint, file, images: await imagesFor(checkpoint.config, config, chosen), notes };
}

async function requireUnseen(file: string, config: TrainConfig, { images, source }: Chosen): Promise<string[]> {
  if (!sameImages(config, source)) {
    return [`${file} was trained with other data; whether some of these images are among them is not checked`];
  }
  const { split } = withOwnSplit(config, path.dirname(file));
  if (!existsSync(split)) return [`There is no split.json beside ${file}: what it was trained with is not known`];
  const sides = parseSplit((await readInput(split)).toString("utf8"));
  const seen = images.filter(({ id }) => sides.get(id) === "train");
  if (seen.length === 0) return [];
  throw new ConfigError(
    `--compare: ${file} was trained with ${seen.length} of the ${images.length} images, such as ${seen[0]!.id}`,
  );
}

/** Whether an id names the same image in both. */
function sameImages(a: Source, b: Source): boolean {
  if (a.data === PHANTOM || b.data === PHANTOM) return a.data === b.data && dataSeed(a) === dataSeed(b);
  return path.resolve(a.data) === path.resolve(b.data);
}

async function imagesFor(other: TrainConfig, own: TrainConfig, { images, source }: Chosen): Promise<Prepared[]> {
  if (other.crop === own.crop && other.size.join() === own.size.join()) return images;
  const { prepared } = await prepareData({ ...other, ...source }, { bare: "keep" });
  const byId = new Map(prepared.map((p) => [p.id, p]));
  return images.map(({ id }) => {
    const found = byId.get(id);
    if (!found) throw new ConfigError(`--compare: ${id} cannot be prepared as the other run takes it`);
    return found;
  });
}

/** How the AUCs compare; the difference is of `own` less `other`. Both are of the same images, in the same order. */
export function compared(own: readonly Classified[], other: readonly Classified[]): DelongComparison | string {
  const label = own.map((p) => p.label);
  const scores = [other, own].map((side) => side.map((p) => p.probabilities[1]!));
  return delongReason(label) ?? delong(label, scores[0]!, scores[1]!);
}

/** A comparison in lines. */
export function showCompared(file: string, found: DelongComparison | string, images: readonly Classified[]): string[] {
  if (typeof found === "string") return [`Not compared with ${file}: ${found}`];
  const { a, b, difference, interval, z, p } = found;
  const three = (value: number) => value.toFixed(3);
  const test =
    z === null
      ? "both put the same images above each other"
      : `z ${z.toFixed(2)}, p ${p! < 0.0001 ? "< 0.0001" : p!.toFixed(4)}`;
  const patients = new Set(images.map((i) => i.patient ?? i.image)).size;
  return [
    `Compared with ${file} on the same ${images.length} images, by DeLong's test:`,
    `  AUC ${three(b.auc)} against ${three(a.auc)}: difference ${three(difference)} (95 % ${three(interval[0])} to ${three(interval[1])}), ${test}`,
    ...(patients < images.length
      ? [`  The test takes images for independent; these are of ${patients} patients: the interval is too narrow.`]
      : []),
  ];
}
