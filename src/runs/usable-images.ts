/** Which images of a set a configuration can use: its classes, and the targets that it learns from. */
import { sameNames } from "../data/classes.ts";
import { phantomClasses } from "../data/phantom/labels.ts";
import { type Classes, DataError, type Dataset, isBare, type Prepared, type Skipped } from "../data/sample.ts";
import { type ClassRequest, resolveClasses } from "../data/settle-classes.ts";
import { hasTarget, type MaskTarget } from "../data/target.ts";
import { outlinesOf, specOf, type TrainConfig } from "../train/config.ts";
import type { PreparedData, PrepareOptions } from "./images.ts";

/** @throws DataError for other classes than the target's, or in another order */
export function classesOfPhantom({ target = "class", ...request }: ClassRequest): Classes {
  const own = phantomClasses(target);
  const classes = resolveClasses(request, own);
  if (sameNames(classes, own)) return classes;
  const list = ({ names }: Classes) => `${names.slice(0, -1).join(", ")} and ${names.at(-1)!}`;
  const more = target === "class" ? `; with --target kind ${list(phantomClasses("kind"))}` : "";
  throw new DataError(`the phantom has the classes ${list(own)} only${more}`);
}

const targetOf = (config: TrainConfig): MaskTarget => outlinesOf(config).target ?? "ellipse";

/** Whether images without a target are kept. */
const keepsBare = (config: TrainConfig, { bare }: Pick<PrepareOptions, "bare">): boolean =>
  (bare ?? (outlinesOf(config).needed ? "skip" : "keep")) === "keep";

/**
 * Checks annotations before an image is decoded.
 * @throws DataError for a set without targets, if the configuration learns from them
 */
export function requireTargets(
  config: TrainConfig,
  { name, samples }: Pick<Dataset, "name" | "samples">,
  options: Pick<PrepareOptions, "bare">,
): void {
  if (keepsBare(config, options) || samples.every((sample) => hasTarget(sample, targetOf(config)))) return;
  requireSome(config, name, samples);
}

function requireSome(
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

/** A set of which every image was prepared. */
export interface PreparedSet extends PreparedData {
  /** The ids of images on which the set itself marks no nodule, without saying that there is none. Others have lost theirs since. */
  unmarked: ReadonlySet<string>;
}

/**
 * Leaves out images without a box, with a reason, unless they are known to have no nodule: those whose nodule lies outside the
 * tissue and, if targets are needed, those without one, also where they have a box but not the outline that is learned.
 *
 * @param title what messages call the set's layout
 * @throws DataError if none is left
 */
export function usableImages(
  config: TrainConfig,
  { unmarked, prepared, ...set }: PreparedSet,
  title: string,
  options: Pick<PrepareOptions, "bare">,
): PreparedData {
  const keep = keepsBare(config, options);
  const marked = prepared.filter((p) => !isBare(p) || (keep && unmarked.has(p.id)));
  const usable = keep ? marked : marked.filter((p) => hasTarget(p, targetOf(config)));
  const boxed = marked.length - usable.length;
  if (!keep && unmarked.size + boxed > 0) requireSome(config, title, marked);
  if (usable.length === 0) throw new DataError(`${config.data}: no image has a nodule marked on it`);
  const kept = new Set(usable);
  const left = prepared.filter((p) => !kept.has(p)).map((p): Skipped => ({ file: p.id, reason: reasonOf(p) }));
  return {
    ...set,
    prepared: usable,
    skipped: [...set.skipped, ...left],
    notes: [...(boxed > 0 ? [boxesOnly(boxed, marked.length, config)] : []), ...set.notes],
  };
}

const reasonOf = (p: Prepared): string =>
  isBare(p) ? "no nodule is marked on it" : "has boxes, but not the outline of each nodule";

/** @param boxed how many of the `marked` images have boxes only */
function boxesOnly(boxed: number, marked: number, config: TrainConfig): string {
  const { onBoxes } = outlinesOf(config);
  const others = onBoxes ? `: ${onBoxes} uses them` : "";
  return `${boxed} of ${marked} images have boxes only, without the outlines that are learned, and are left out${others}`;
}
