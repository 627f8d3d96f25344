/** A pool of worker threads that answer requests. */
import { Worker } from "node:worker_threads";
import { DataError } from "../../data/sample.ts";
import { InputError } from "../files.ts";
import type { Order, Reply } from "./worker-thread.ts";

/** Requests in flight per worker: one in progress and one waiting, so that it never idles between two. */
const DEPTH = 2;

interface Request<Task, Result> {
  task: Task;
  resolve: (result: Result) => void;
  reject: (reason: Error) => void;
}

/** Threads without a pool, for the next one: starting a thread and loading its modules costs most of a second of both. */
const idle: Worker[] = [];

/** Sources run through tsx, which a thread must register first. */
const extension = import.meta.url.slice(import.meta.url.lastIndexOf("."));
const entry = extension === ".ts" ? "./typescript-worker.mjs" : `./worker-thread${extension}`;

function takeThread(): Worker {
  const thread = idle.pop() ?? new Worker(new URL(entry, import.meta.url), { execArgv: [] });
  stopListening(thread);
  return thread;
}

/** By name: without Node's own listeners on a thread its messages no longer arrive. */
function stopListening(thread: Worker): void {
  for (const event of ["message", "error", "exit"]) thread.removeAllListeners(event);
}

function giveBack(thread: Worker): void {
  stopListening(thread);
  const forget = () => {
    const place = idle.indexOf(thread);
    if (place !== -1) idle.splice(place, 1);
  };
  thread.on("error", forget).on("exit", forget);
  idle.push(thread);
}

/**
 * Runs each task on the next worker with room, in call order. Workers keep the process alive only while they have a task, so a
 * pool that is never closed does not hang the program. A closed pool's threads serve the next pool.
 */
export class WorkerPool<Task, Result> {
  readonly #workers: { thread: Worker; requests: Request<Task, Result>[] }[];
  readonly #waiting: Request<Task, Result>[] = [];
  #failure: Error | undefined;

  /**
   * @param file the worker's file, beside this one and without extension, which exports a WorkerFile as `worker`
   * @param init what the worker's `start` receives; shared memory in it stays shared
   */
  constructor(file: string, size: number, init: unknown) {
    const open = new URL(`./${file}${extension}`, import.meta.url).href;
    this.#workers = Array.from({ length: size }, () => {
      const thread = takeThread();
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
      send(thread, { open, init });
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

  /** Stops all work at once; unfinished tasks are rejected. */
  async close(reason: Error = new Error("the worker pool is closed")): Promise<void> {
    const failed = this.#failure !== undefined;
    const ended = this.#workers.splice(0).map(async ({ thread, requests }) => {
      const busy = requests.length > 0;
      this.#reject(requests.splice(0), reason);
      if (failed || busy) return void (await thread.terminate());
      send(thread, { close: true });
      giveBack(thread);
    });
    this.#fail(reason);
    await Promise.all(ended);
  }

  #dispatch(): void {
    while (this.#waiting.length > 0) {
      const least = this.#workers.reduce((a, b) => (b.requests.length < a.requests.length ? b : a));
      if (least.requests.length >= DEPTH) return;
      const request = this.#waiting.shift()!;
      least.requests.push(request);
      least.thread.ref();
      send(least.thread, { task: request.task });
    }
  }

  /** If one worker fails, the others would fail for the same reason: no task is retried. */
  #fail(error: Error): void {
    this.#failure ??= error;
    this.#reject([...this.#workers.flatMap((w) => w.requests.splice(0)), ...this.#waiting.splice(0)], this.#failure);
  }

  #reject(requests: readonly Request<Task, Result>[], reason: Error): void {
    for (const { reject } of requests) reject(reason);
  }
}

const send = (thread: Worker, order: Order): void => thread.postMessage(order);

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
