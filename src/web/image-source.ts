/** The images of a page, prepared and batched in its worker: the phantom, and the sets that the page itself holds. */
import { assembleBatch, type EpochOptions, planEpoch } from "../data/batches.ts";
import { sameNames } from "../data/classes.ts";
import { isPhantom, type PhantomName } from "../data/phantom/scanner.ts";
import { type DrawOptions, drawPhantom, preparedPhantom } from "../data/phantom/series.ts";
import { resizeGrey } from "../data/resample.ts";
import { type Batch, type Classes, DataError, type Prepared } from "../data/sample.ts";
import { resolveClasses } from "../data/settle-classes.ts";
import type { MaskTarget } from "../data/target.ts";
import type { BatchSource, ImageSource, KeptSplit, PreparedData, PrepareOptions, SplitSides } from "../runs/images.ts";
import { splitAsConfigured, splitFile, withoutSeen } from "../runs/sides.ts";
import { classesOfPhantom, type PreparedSet, usableImages } from "../runs/usable-images.ts";
import { dataSeed, type TrainConfig } from "../train/config.ts";
import { OTHER_RESIZING } from "../runs/prepare-picture.ts";
import { giveWay } from "./give-way.ts";

/**
 * All images of the set that a configuration's `data` names, prepared for its size, crop and classes (their labels index
 * `resolveClasses` of both). It is asked again for each run, and by `check`, then without `onProgress`.
 *
 * @throws DataError if there is no such set, or none of its images can be prepared; the signal's reason
 */
export type PreparedSets = (config: TrainConfig, options: PrepareOptions) => Promise<PreparedSet>;

/** @throws DataError */
const noSets: PreparedSets = ({ data }) =>
  Promise.reject(new DataError(`${data}: this page has no such images; there are phantom and phantom-b`));

export class PageImages implements ImageSource {
  readonly #sets: PreparedSets;
  readonly withoutSeen = withoutSeen;
  readonly splitText = splitFile;

  /** @param sets the images other than the phantom's; default none */
  constructor(sets: PreparedSets = noSets) {
    this.#sets = sets;
  }

  async check(config: TrainConfig, options: PrepareOptions = {}): Promise<Classes> {
    if (isPhantom(config.data)) return classesOfPhantom(config);
    return (await this.#usable(config, options)).classes;
  }

  async prepare(config: TrainConfig, options: PrepareOptions = {}): Promise<PreparedData> {
    const { data, resize } = config;
    const found = isPhantom(data) ? await drawSeries(data, config, options) : await this.#usable(config, options);
    return resize === "pillow" ? found : { ...found, notes: [OTHER_RESIZING, ...found.notes] };
  }

  async #usable(config: TrainConfig, options: PrepareOptions): Promise<PreparedData> {
    const set = await this.#sets(config, options);
    const classes = requireClasses(config, set, options);
    return usableImages(config, { ...set, classes }, "page's", options);
  }

  split(prepared: readonly Prepared[], config: TrainConfig, kept?: KeptSplit): SplitSides {
    return splitAsConfigured(prepared, config, kept, () => {
      throw new DataError("a page cannot read a split from a file: choose auto, set or random");
    });
  }

  batches(prepared: readonly Prepared[], target: MaskTarget = "ellipse"): BatchSource {
    return new PageBatches(prepared, target);
  }
}

/**
 * @returns the set's classes, with the requested positive one
 * @throws DataError if the labels do not index the requested classes, and for a class without images
 */
function requireClasses(config: TrainConfig, set: PreparedSet, { missingClasses = "refuse" }: PrepareOptions): Classes {
  const asked = resolveClasses(config, set.classes);
  const { names } = set.classes;
  const list = (some: readonly string[]) => some.join(", ");
  if (!sameNames(asked, set.classes)) {
    throw new DataError(`${config.data}: has the classes ${list(names)}, not ${list(asked.names)}`);
  }
  if (missingClasses === "allow" || config.classes === undefined) return asked;
  const missing = names.filter((_, label) => !set.prepared.some((image) => image.label === label));
  if (missing.length > 0) throw new DataError(`${config.data}: no image is ${missing.join(" or ")}`);
  return asked;
}

/** Draws one image after the other. */
async function drawSeries(scanner: PhantomName, config: TrainConfig, options: PrepareOptions): Promise<PreparedData> {
  const { size, crop, target, phantomImages: count } = config;
  const [height, width] = size;
  const classes = classesOfPhantom(config);
  const seed = dataSeed(config);
  const draw: DrawOptions = {
    ...{ width, height, crop, target },
    resize: (image, part) => resizeGrey(image, part, width, height),
  };
  const prepared: Prepared[] = [];
  for (let index = 0; index < count; index++) {
    await giveWay();
    options.signal?.throwIfAborted();
    const [grey, shape] = [new Uint8Array(width * height), new Uint8Array(width * height)];
    const place = { scanner, seed, index };
    prepared.push(preparedPhantom(place, await drawPhantom(place, draw, grey, shape), { width, height, grey, shape }));
    options.onProgress?.(index + 1, count);
  }
  return { name: `${scanner} ${seed}`, classes, prepared, skipped: [], notes: [] };
}

/** Makes each batch when it is asked for; a step on the device takes longer by far. */
class PageBatches implements BatchSource {
  readonly #prepared: readonly Prepared[];
  readonly #target: MaskTarget;

  constructor(prepared: readonly Prepared[], target: MaskTarget) {
    if (prepared.length === 0) throw new DataError("there is no image to make a batch of");
    this.#prepared = prepared;
    this.#target = target;
  }

  /** The batches of one epoch, in order; they depend only on the options. @throws DataError at once for invalid options */
  epoch(options: EpochOptions): AsyncIterable<Batch> {
    return this.#batches(planEpoch(this.#prepared.length, options));
  }

  async *#batches(plan: ReturnType<typeof planEpoch>): AsyncGenerator<Batch, void, undefined> {
    for (const { indices, flips } of plan) {
      await giveWay();
      yield assembleBatch(
        indices.map((i) => this.#prepared[i]!),
        flips,
        this.#target,
      );
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
