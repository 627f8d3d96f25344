/** How far a run of a study is and how fast it goes, for whoever looks at the study from another process. */
import * as z from "zod";
import type { StepRecord } from "../train/training.ts";
import { readJson, toJson, type Store } from "./store.ts";

const schema = z.object({
  /** The machine that trains it, and the process there. */
  host: z.string(),
  pid: z.number(),
  stage: z.string(),
  epoch: z.number(),
  epochs: z.number(),
  /** Steps that are left of the run. */
  left: z.number(),
  /** Seconds a step takes, over the last stretch; null before there are two. */
  secondsAStep: z.number().nullable(),
  imagesASecond: z.number().nullable(),
  /** When this was written, by that machine's clock: ISO 8601. */
  at: z.string(),
});
export type Pace = z.infer<typeof schema>;

/** Named like a store's own files: it is no part of the run. */
const PACE = ".mganet-pace.json";

/** Seconds between writes: on a shared folder each costs everyone a little. */
const EVERY_SECONDS = 10;

/** Undefined if there is none, or it cannot be read, as while it is replaced on a network file system. */
export async function paceOf(store: Store): Promise<Pace | undefined> {
  try {
    if (!(await store.exists(PACE))) return undefined;
    return schema.safeParse(await readJson(store, PACE)).data;
  } catch {
    return undefined;
  }
}

/** Writes a run's pace while it is trained. */
export class PaceWriter {
  readonly #store: Store;
  readonly #process: { host: string; pid: number };
  readonly #batch: number;
  /** When the last one was written, and the steps that were left then. */
  #last: { ms: number; left: number; stage: string } | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(store: Store, process: { host: string; pid: number }, batch: number) {
    this.#store = store;
    this.#process = process;
    this.#batch = batch;
  }

  step({ stage, epoch, epochs }: Pick<StepRecord, "stage" | "epoch" | "epochs">, left: number): void {
    const now = performance.now();
    const last = this.#last;
    const seconds = last && (now - last.ms) / 1000;
    // The first steps of a phase wait for its kernels.
    if (last?.stage === stage && seconds! < EVERY_SECONDS) return;
    this.#last = { ms: now, left, stage };
    const steps = last ? last.left - left : 0;
    const secondsAStep = last?.stage === stage && steps > 0 ? seconds! / steps : null;
    const imagesASecond = secondsAStep === null ? null : this.#batch / secondsAStep;
    const at = new Date().toISOString();
    const pace: Pace = { ...this.#process, stage, epoch, epochs, left, secondsAStep, imagesASecond, at };
    // A pace that cannot be written must not end a training.
    this.#writing = this.#writing.then(() => this.#store.write(PACE, toJson(pace))).catch(() => {});
  }

  /** Waits for the last write, and removes the file. */
  async end(): Promise<void> {
    await this.#writing;
    await this.#store.remove(PACE).catch(() => {});
  }
}
