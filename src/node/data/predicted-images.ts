/** Prepares the images of a list ahead of the device, on all cores and in order. Memory does not grow with their number. */
import { availableParallelism } from "node:os";
// Loaded here although only the workers call it: sharp's library must outlive the last of them.
import "./decode.ts";
import type { PrepareSize } from "../../data/crop-image.ts";
import type { ListedImage } from "../../data/readers/image-list.ts";
import type { Prepared } from "../../data/sample.ts";
import { InputError } from "../files.ts";
import { type ImageList, isStillListed } from "./image-list.ts";
import type { PredictInit, PredictResult, PredictTask } from "./predict-worker.ts";
import { WorkerPool } from "./worker-pool.ts";

export interface ListedJob {
  /** Place in the whole list. */
  index: number;
  /** As listed; `loop.dcm#12` for a film's frame. */
  name: string;
  /** Undefined if it is left out, for this reason. */
  image: Prepared | undefined;
  reason?: string;
  note?: string;
}

export interface ListedTask {
  list: Pick<ImageList, "dir" | "manifest">;
  /** The images, with their places, from where the work begins. */
  entries: Iterable<{ index: number; entry: ListedImage }>;
  /** Of the first one, a film, frames up to this are done; 0 if it is none. */
  after: number;
  size: PrepareSize;
  /** Images in the network at a time. */
  batch: number;
  /** Threads; default: one for each core. */
  workers?: number;
  /** Ends the images early, between two of them. */
  signal: AbortSignal;
}

/** Time that threads have spent on images. */
export interface Decoding {
  threads: number;
  files: number;
  ms: number;
}

/**
 * @param decoding counts what the threads do
 * @throws InputError for a file that cannot be read for now: it must not be taken for one that never can
 */
export async function* listedJobs(task: ListedTask, decoding: Decoding): AsyncGenerator<ListedJob, undefined> {
  const { list, size, batch, signal } = task;
  const threads = task.workers ?? availableParallelism();
  decoding.threads = threads;
  // The next batch while one is on the device, and something to do for every thread meanwhile.
  const ahead = 2 * batch + 2 * threads;
  const pool = new WorkerPool<PredictTask, PredictResult>("predict-worker", threads, {
    ...list,
    ...size,
  } satisfies PredictInit);
  const waiting: { index: number; entry: ListedImage; result: Promise<PredictResult> }[] = [];
  const entries = task.entries[Symbol.iterator]();
  let { after } = task;
  const fill = () => {
    while (waiting.length < ahead) {
      const next = entries.next();
      if (next.done) return;
      const result = pool.run({ ...next.value.entry, after });
      result.catch(() => {}); // Awaited in its turn.
      waiting.push({ ...next.value, result });
      after = 0;
    }
  };
  try {
    fill();
    for (let head = waiting.shift(); head; head = waiting.shift()) {
      fill();
      const { index, entry } = head;
      for (let result: PredictResult | undefined = await head.result; result;) {
        decoding.ms += result.took;
        if (result.trouble) result.pictures.push({ name: entry.name, reason: await settled(list, result.trouble) });
        for (const picture of result.pictures) {
          if (signal.aborted) return;
          yield jobOf(index, picture);
        }
        result = result.more === undefined ? undefined : await pool.run({ ...entry, after: result.more });
      }
      decoding.files++;
    }
  } finally {
    await pool.close();
  }
}

function jobOf(index: number, picture: PredictResult["pictures"][number]): ListedJob {
  const { name } = picture;
  if ("reason" in picture) return { index, name, image: undefined, reason: picture.reason };
  const { grey, width, height, crop, note } = picture;
  const source = { file: name, width, height, crop };
  const image: Prepared = { id: name, group: name, label: undefined, width, height, grey, boxes: [], source };
  return { index, name, image, ...(note === undefined ? {} : { note }) };
}

/** Why a file that cannot be read is left out. @throws InputError if it may well be readable later */
async function settled(
  list: ListedTask["list"],
  { file, reason, code }: NonNullable<PredictResult["trouble"]>,
): Promise<string> {
  const missing = code === "ENOENT" || code === "ENOTDIR";
  if (missing && (await isStillListed(list, file))) return reason;
  throw new InputError(
    missing ? `${list.manifest ?? file}: is gone since the images were listed` : `${file}: cannot be read: ${reason}`,
  );
}
