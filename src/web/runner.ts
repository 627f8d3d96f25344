/** Trainings in a page's worker, one at a time, with their runs in the private file system. The page learns of them as plain data. */
import { oneLine } from "../data/sample.ts";
import { DeviceLostError } from "../gpu/gpu.ts";
import { ConfigError } from "../models/config-error.ts";
import type { RunEvent } from "../runs/events.ts";
import { isExpected } from "../runs/expected.ts";
import type { ImageSource } from "../runs/images.ts";
import { hasCheckpoint, isComplete, Run, type Loaded } from "../runs/run.ts";
import { InputError } from "../runs/store.ts";
import { EndOfRun, train, type RunSummary } from "../runs/train.ts";
import { checkConfig, type TrainConfig } from "../train/config.ts";
import type { Source } from "../train/initial.ts";
import { initOf } from "../train/origin.ts";
import { AdapterError, KeptGpu } from "./open-gpu.ts";
import { OpfsStore } from "./opfs-store.ts";
import { isFull } from "./storage-error.ts";

/** The folder of all runs. */
export const RUNS = "runs";

/** How a training ended. */
export type RunEnd =
  | { type: "finished"; folder: string; summary: RunSummary }
  /** On request. Not resumable if training had not begun: then nothing of it is left. */
  | { type: "stopped"; folder: string; resumable: boolean }
  | {
      type: "failed";
      folder: string;
      /** One line. */
      message: string;
      /** The invalid setting's path, such as "epochs.joint". */
      setting?: string;
      /** Whether the message is all that the user needs; otherwise it is a bug, with its stack. */
      expected: boolean;
      stack?: string;
      /** Whether the run has a checkpoint to resume from, or at least its settings, with which it begins again. */
      resumable: boolean;
    };

export type RunnerEvent = RunEvent | RunEnd;

export interface RunnerOptions {
  source: ImageSource;
  /** Receives all events, which can be posted to another thread. It must not throw. */
  emit: (event: RunnerEvent) => void;
  /** Seconds between saves within an epoch: a tab may be closed at any time. Default 60; 0: only at an epoch's end. */
  saveEvery?: number;
  /** As in `FitTask`: which images are followed through trainings. Default: none. */
  follow?: readonly string[] | "default";
  /** What else computes on it must leave alone what a training uses. Default: a device of its own. */
  device?: KeptGpu;
}

/** What a new run begins with. */
export interface StartOptions {
  init?: readonly Source[] | undefined;
  follow?: RunnerOptions["follow"];
}

/** What is trained, and from where on. */
interface Begun extends StartOptions {
  config: TrainConfig;
  store: OpfsStore;
  resumed?: { run: Run; loaded: Loaded };
}

export class Runner {
  readonly #options: RunnerOptions;
  readonly #device: KeptGpu;
  #running: AbortController | undefined;

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#device = options.device ?? new KeptGpu();
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /**
   * Trains a new run to its end. Whatever happens is emitted, the end last.
   * @param folder default one in `RUNS`, named after the time, the preset and the data
   * @param options.init what it begins from (`readSource`, `parseSource`), which a run that ended before its first checkpoint needs again
   * @param options.follow default that of all runs
   * @throws InputError if a training is running
   */
  start(config: unknown, folder?: string, { init, follow }: StartOptions = {}): Promise<void> {
    return this.#run(folder ?? defaultFolder(config), async (store) => {
      const checked = checkConfig(
        init ? { ...(config as object), init: initOf(init.map(({ origin }) => origin)) } : config,
      );
      await Run.requireFree(store);
      return { config: checked, store, init, follow };
    });
  }

  /** Resumes a run that was stopped or killed, from its last checkpoint. @throws InputError if a training is running */
  resume(folder: string): Promise<void> {
    return this.#run(folder, async (store) => {
      if (await isComplete(store)) throw new InputError(`${store.name}: this run has finished`);
      const resumed = await Run.open(store);
      return { config: resumed.loaded.checkpoint.config, store, resumed };
    });
  }

  /** Has the running training finish its step, save and end; it can be resumed. */
  stop(): void {
    this.#running?.abort(new InputError("stopped"));
  }

  /**
   * Has the running training finish its step, and ends it for good: what it has learned is evaluated, and is the run's result. Before
   * its first step there is none, and it is only stopped.
   */
  end(): void {
    this.#running?.abort(new EndOfRun());
  }

  async #run(folder: string, begin: (store: OpfsStore) => Promise<Begun>): Promise<void> {
    if (this.#running) throw new InputError("a training is running: stop it first");
    this.#running = new AbortController();
    const store = new OpfsStore(folder);
    const { signal } = this.#running;
    let end: RunEnd;
    try {
      end = await this.#train(await begin(store), signal);
    } catch (error) {
      end = await this.#failed(error, store, signal);
    }
    // The next one may be in this folder.
    await store.unlock();
    this.#running = undefined;
    this.#options.emit(end);
  }

  async #train(begun: Begun, signal: AbortSignal): Promise<RunEnd> {
    const { config, store, init, resumed } = begun;
    const { source, emit, saveEvery = 60 } = this.#options;
    const follow = begun.follow ?? this.#options.follow;
    const gpu = await this.#device.open();
    const how = { signal, saveEvery, keepsFailed: isNobodysFault };
    const summary = await train({ gpu, store, config, source, init, resumed, follow, emit, ...how });
    return summary
      ? { type: "finished", folder: store.name, summary }
      : { type: "stopped", folder: store.name, resumable: true };
  }

  async #failed(error: unknown, store: OpfsStore, signal: AbortSignal): Promise<RunEnd> {
    const begunAgain = isNobodysFault(error) && (await store.exists("config.json").catch(() => false));
    const resumable = begunAgain || (await hasCheckpoint(store).catch(() => false));
    if (signal.aborted && error === signal.reason) return { type: "stopped", folder: store.name, resumable };
    await this.#device.closeFailed();
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    const expected = error instanceof AdapterError || isExpected(error);
    return {
      ...{ type: "failed", folder: store.name, message: oneLine(message), expected, resumable },
      ...(error instanceof ConfigError && error.setting !== undefined ? { setting: error.setting } : {}),
      ...(expected || stack === undefined ? {} : { stack }),
    };
  }
}

/** Whether the same training may well succeed another time. */
const isNobodysFault = (error: unknown): boolean =>
  error instanceof DeviceLostError || (error instanceof InputError && isFull(error.cause));

/** "runs/2026-05-04T10-20-30-quick-phantom". */
function defaultFolder(config: unknown): string {
  const { preset, data } = (config ?? {}) as { preset?: unknown; data?: unknown };
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(":", "-");
  const words = [preset, data].flatMap((word) =>
    typeof word === "string" ? [word.replaceAll(/[^\p{L}\p{N}_-]+/gu, "-")] : [],
  );
  return `${RUNS}/${[stamp, ...words].join("-")}`;
}
