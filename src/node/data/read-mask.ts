/** Reads nodules from mask files, here or in worker threads. */
import { availableParallelism } from "node:os";
import { withoutSpecks } from "../../data/components.ts";
import { maskLayers, type MaskReading } from "../../data/masks/levels.ts";
import { partsOf } from "../../data/masks/parts.ts";
import { nodulePixels } from "../../data/masks/pixels.ts";
import { type Box, DataError } from "../../data/sample.ts";
import { decodeMask } from "./decode-mask.ts";
import { WorkerPool } from "./worker-pool.ts";

/** A file with more nodules or specks is not a mask: a picture thresholded at half its brightness falls into many parts. */
const MAX_NODULES = 20;
const MAX_SPECKS = 100;

/** What a mask file marks. */
export interface MaskContent {
  width: number;
  height: number;
  /** One per connected component of each level, in pixels of the mask. */
  boxes: Box[];
  /** Their pixels, one array for each level, as in `Part`; undefined if it is drawn in lines that enclose nothing. */
  pixels: Float32Array[] | undefined;
  /** Number of components too small to be nodules. */
  specks: number;
  /** Number of lines left out, such as of a ruler or a frame. */
  lines: number;
  /** The smallest nodule's area as a share of the largest's. */
  least: number;
  /** How the file was read, if not obvious. */
  notes: string[];
}

/** @throws DataError, without the file's name, for a file that cannot be read, or whose meaning is unclear */
export async function readMask(file: string, reading: MaskReading): Promise<MaskContent> {
  const mask = await decodeMask(file);
  const { width, height } = mask;
  const { layers, notes } = maskLayers(mask, reading);
  const drawn = layers.map((layer) => partsOf(layer, width, height));
  const lines = drawn.reduce((sum, part) => sum + part.lines, 0);
  // A speck is small beside the largest nodule of all levels.
  const { kept, specks, least } = withoutSpecks(drawn.flatMap(({ parts }) => parts));
  const boxes = kept.map(({ box }) => box);
  if (boxes.length > MAX_NODULES || specks > MAX_SPECKS) {
    throw new DataError(`falls into ${boxes.length + specks} parts: it looks like a picture, not a mask`);
  }
  const pixels = nodulePixels(drawn, kept);
  return { width, height, boxes, pixels, specks, lines, least, notes };
}

/** A worker takes about as long to start as this many masks take to read. */
const MASKS_WORTH_A_WORKER = 32;

/** Reads masks, on all cores if there are many. */
export class MaskReader {
  readonly #reading: MaskReading;
  readonly #workers: number;
  #pool: WorkerPool<string, MaskContent> | undefined;

  /** @param images number of images whose masks may be read */
  constructor(reading: MaskReading, images: number) {
    this.#reading = reading;
    this.#workers = Math.min(availableParallelism(), Math.ceil(images / MASKS_WORTH_A_WORKER));
  }

  /** As `readMask`. */
  read(file: string): Promise<MaskContent> {
    if (this.#workers < 2) return readMask(file, this.#reading);
    this.#pool ??= new WorkerPool("mask-worker", this.#workers, this.#reading);
    return this.#pool.run(file);
  }

  async close(): Promise<void> {
    await this.#pool?.close();
  }
}
