/** A pool of worker threads that answer requests. */
import { Worker } from "node:worker_threads";
import { DataError } from "../../data/sample.ts";
import { InputError } from "../files.ts";
import type { Reply, Start } from "./worker-serve.ts";

/** Requests in flight per worker: one in progress and one waiting, so that it never idles between two. */
const DEPTH = 2;

interface Request<Task, Result> {
  task: Task;
  resolve: (result: Result) => void;
  reject: (reason: Error) => void;
}

/**
 * Runs each task on the next worker with room, in call order. Workers keep the process alive only while they have a task, so a
 * pool that is never closed does not hang the program.
 */
export class WorkerPool<Task, Result> {
  readonly #workers: { thread: Worker; requests: Request<Task, Result>[] }[];
  readonly #waiting: Request<Task, Result>[] = [];
  #failure: Error | undefined;

  /**
   * @param file the worker's file, beside this one and without extension: .ts when run from sources, else .js
   * @param init what the worker's `serve` receives at the start; shared memory in it stays shared
   */
  constructor(file: string, size: number, init: unknown) {
    const here = import.meta.url;
    const extension = here.slice(here.lastIndexOf("."));
    const start: Start = { file: new URL(`./${file}${extension}`, here).href, init };
    const entry = extension === ".ts" ? new URL("./typescript-worker.mjs", here) : new URL(start.file);
    this.#workers = Array.from({ length: size }, () => {
      const thread = new Worker(entry, { workerData: start, execArgv: [] });
      const worker = { thread, requests: [] as Request<Task, Result>[] };
      thread.on("message", (reply: Reply<Result>) => {
        const request = worker.requests.shift();
        if (!request) return; // rejected when the pool was closed
        if ("result" in reply) request.resolve(reply.result);
        else request.reject(revive(reply.error));
        if (worker.requests.length === 0) thread.unref();
        this.#dispatch();
      });
      thread.on("error", (error) => this.#fail(error instanceof Error ? error : new Error(String(error))));
      thread.on("exit", (code) => this.#fail(new Error(`a worker thread ended by itself (exit code ${code})`)));
      thread.unref();
      return worker;
    });
  }

  /** @throws the worker's DataError or Error; after `close`, its reason. */
  run(task: Task): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#failure) {
        reject(this.#failure);
        return;
      }
      this.#waiting.push({ task, resolve, reject });
      this.#dispatch();
    });
  }

  /** Stops all workers at once; unfinished tasks are rejected. */
  async close(reason: Error = new Error("the worker pool is closed")): Promise<void> {
    this.#fail(reason);
    await Promise.all(this.#workers.map(({ thread }) => thread.terminate()));
  }

  #dispatch(): void {
    while (this.#waiting.length > 0) {
      const least = this.#workers.reduce((a, b) => (b.requests.length < a.requests.length ? b : a));
      if (least.requests.length >= DEPTH) return;
      const request = this.#waiting.shift()!;
      least.requests.push(request);
      least.thread.ref();
      least.thread.postMessage(request.task);
    }
  }

  /** If one worker fails, the others would fail for the same reason: no task is retried. */
  #fail(error: Error): void {
    this.#failure ??= error;
    const open = [...this.#workers.flatMap((w) => w.requests.splice(0)), ...this.#waiting.splice(0)];
    for (const { reject } of open) reject(this.#failure);
  }
}

/** Errors whose class determines how they are handled. */
const kinds = new Map<string, new (message: string) => Error>([
  ["DataError", DataError],
  ["InputError", InputError],
]);

/** Restores an error's class, which is lost between threads. */
function revive({ name, message, stack }: { name: string; message: string; stack?: string | undefined }): Error {
  const error = new (kinds.get(name) ?? Error)(message);
  if (stack !== undefined) error.stack = stack;
  return error;
}
