/** Reads nodules from mask files, here or in worker threads. */
import { availableParallelism } from "node:os";
import type { MaskReader } from "../../data/layouts/set-files.ts";
import { type MaskContent, maskContent } from "../../data/masks/content.ts";
import type { MaskReading } from "../../data/masks/levels.ts";
import { decodeMask } from "./decode-mask.ts";
import { WorkerPool } from "./worker-pool.ts";

/** @throws DataError, without the file's name, for a file that cannot be read, or whose meaning is unclear */
export const readMask = async (file: string, reading: MaskReading): Promise<MaskContent> =>
  maskContent(await decodeMask(file), reading);

/** A worker takes about as long to start as this many masks take to read. */
const MASKS_WORTH_A_WORKER = 32;

/** Reads masks, on all cores if there are many. */
export class ThreadedMaskReader implements MaskReader {
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
