/** Turns prepared images into batches: the order of an epoch, and one batch's arrays. All functions here are pure. */
import { coin, permutation, stream } from "./random.ts";
import { type Batch, DataError, type Prepared } from "./sample.ts";
import { drawTarget, type MaskTarget } from "./target.ts";

/** Mean and standard deviation of ImageNet's grey value, on a scale from 0 to 1: image = (grey/255 - mean) / deviation. */
export const IMAGE_MEAN = 0.449;
/** As `IMAGE_MEAN`: the standard deviation. */
export const IMAGE_DEVIATION = 0.226;

/** The normalised value of each grey level. */
const NORMALISED = Float32Array.from({ length: 256 }, (_, grey) => (grey / 255 - IMAGE_MEAN) / IMAGE_DEVIATION);

export interface EpochOptions {
  seed: number;
  /** From 0; each epoch has its own order and flips. */
  epoch: number;
  batchSize: number;
  /** Batches to skip, for a run that resumes in the middle of an epoch. Default 0. */
  startBatch?: number;
  /** Visit the images in a random order of (seed, epoch). Default false. */
  shuffle?: boolean;
  /** Mirror each image with probability 1/2, decided by (seed, epoch, index). Default false. */
  flip?: boolean;
  /**
   * The class of each image, for a class-balanced epoch: it repeats some or all images of the rarer class and omits some of the
   * commoner one; each epoch draws anew which to omit. Needs `shuffle`. Default: each image once.
   */
  classes?: readonly number[];
  /** Drop the last batch if it is not full (training); otherwise it is smaller (evaluation). Default false. */
  dropLast?: boolean;
}

/** Which images make up one batch, and which of them are mirrored. */
export interface BatchPlan {
  indices: number[];
  flips: boolean[];
}

/**
 * The batches of one epoch over `count` images, from `startBatch` on. A batch depends only on the seed, the epoch and its
 * position, so a resumed run sees what an uninterrupted one would have seen.
 *
 * @throws DataError if there are no images, or with `dropLast` not enough for one batch
 */
export function planEpoch(count: number, options: EpochOptions): BatchPlan[] {
  const { seed, epoch, batchSize, startBatch = 0, shuffle = false, flip = false, dropLast = false } = options;
  if (!Number.isSafeInteger(batchSize) || batchSize < 1) {
    throw new DataError(`a batch size of ${batchSize} is not possible: it must be a whole number of at least 1`);
  }
  if (count === 0) throw new DataError("there is no image to make a batch of");
  if (dropLast && count < batchSize) {
    throw new DataError(`${count} images do not fill one batch of ${batchSize}: use a batch size of at most ${count}`);
  }
  const inOrder = () => Array.from({ length: count }, (_, i) => i);
  const order = shuffle ? shuffled(count, options) : inOrder();
  const seen = new Map<number, number>();
  const flips = order.map((index) => {
    // An image repeated within an epoch gets a coin flip of its own.
    const again = seen.get(index) ?? 0;
    seen.set(index, again + 1);
    return flip && coin(again === 0 ? stream(seed, epoch, index) : stream(seed, epoch, index, again));
  });
  const batches = dropLast ? Math.floor(count / batchSize) : Math.ceil(count / batchSize);
  const plan: BatchPlan[] = [];
  for (let b = startBatch; b < batches; b++) {
    const [begin, end] = [b * batchSize, (b + 1) * batchSize];
    plan.push({ indices: order.slice(begin, end), flips: flips.slice(begin, end) });
  }
  return plan;
}

/** All images in random order, or with `classes` equally many of each class, `count` in all. */
function shuffled(count: number, { seed, epoch, classes }: EpochOptions): number[] {
  const generator = stream(seed, epoch);
  if (!classes) return permutation(count, generator);
  const kinds = [...new Set(classes)].sort((a, b) => a - b);
  const drawn = kinds.flatMap((kind, k) => {
    const members = classes.flatMap((c, i) => (c === kind ? [i] : []));
    const wanted = Math.floor((count + k) / kinds.length);
    const order: number[] = [];
    while (order.length < wanted) order.push(...permutation(members.length, generator).map((m) => members[m]!));
    return order.slice(0, wanted);
  });
  return permutation(drawn.length, generator).map((i) => drawn[i]!);
}

/**
 * Assembles images into a normalised batch with their targets. `flips[i]` mirrors the i-th image and target left to right.
 *
 * @param kind what a target is; default the ellipses of the boxes
 * @throws DataError if the images differ in size
 */
export function assembleBatch(
  prepared: readonly Prepared[],
  flips: readonly boolean[],
  kind: MaskTarget = "ellipse",
): Batch {
  const first = prepared[0];
  if (!first) throw new DataError("there is no image to make a batch of");
  const { width, height } = first;
  const pixels = width * height;
  const batch: Batch = {
    image: new Float32Array(prepared.length * pixels * 3),
    label: Uint32Array.from(prepared, (p) => p.label ?? 0),
    target: new Float32Array(prepared.length * pixels),
    ids: prepared.map((p) => p.id),
  };
  prepared.forEach((p, i) => {
    if (p.width !== width || p.height !== height || p.grey.length !== pixels) {
      throw new DataError(`${p.id} is ${p.width}x${p.height}, but ${first.id} in the same batch is ${width}x${height}`);
    }
    const target = batch.target.subarray(i * pixels, (i + 1) * pixels);
    drawTarget(p, kind, target);
    const flip = flips[i] === true;
    // Mirror the target as pixels, like the image: a box mirrored in floating point could differ in a pixel at the rim.
    if (flip) for (let y = 0; y < height; y++) target.subarray(y * width, (y + 1) * width).reverse();
    writeImage(p.grey, width, flip, batch.image, i * pixels * 3);
  });
  return batch;
}

/** Normalises grey levels into three equal channels of `out` from `offset` on. */
function writeImage(grey: Uint8Array, width: number, flip: boolean, out: Float32Array, offset: number): void {
  let o = offset;
  for (let row = 0; row < grey.length; row += width) {
    for (let x = 0; x < width; x++) {
      const value = NORMALISED[grey[row + (flip ? width - 1 - x : x)]!]!;
      out[o] = value;
      out[o + 1] = value;
      out[o + 2] = value;
      o += 3;
    }
  }
}
