/** What a worker thread runs: the file of the pool that it works for, and of another one after that. */
import { parentPort, type Transferable } from "node:worker_threads";

/** What a worker's file exports as `worker`. */
export interface WorkerFile<Init, Task, Result> {
  /** Makes the handler of tasks from the pool's `init`. What the handler throws reaches the caller of `WorkerPool.run`. */
  start: (init: Init) => (task: Task) => Result | Promise<Result>;
  /** What of a result is moved instead of copied. */
  transfer?: (result: Result) => readonly Transferable[];
}

/** What a pool says to a thread; tasks are answered one at a time, in order of arrival. */
export type Order = { open: string; init: unknown } | { task: unknown } | { close: true };

export type Reply<Result> =
  { result: Result } | { error: { name: string; message: string; stack?: string | undefined } };

let transfer: NonNullable<WorkerFile<unknown, unknown, unknown>["transfer"]> = () => [];
let handle: ((task: unknown) => unknown) | undefined;

async function obey(order: Order): Promise<void> {
  if ("open" in order) {
    // A failure here ends the thread, and with it the pool.
    const { worker } = (await import(order.open)) as { worker: WorkerFile<unknown, unknown, unknown> };
    transfer = worker.transfer ?? (() => []);
    handle = worker.start(order.init);
  } else if ("close" in order) {
    handle = undefined; // with all that it holds in memory
  } else {
    await answer(order.task);
  }
}

async function answer(task: unknown): Promise<void> {
  try {
    const result = await handle!(task);
    parentPort!.postMessage({ result } satisfies Reply<unknown>, transfer(result));
  } catch (error) {
    const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
    parentPort!.postMessage({ error: { name, message, stack } } satisfies Reply<unknown>);
  }
}

let last = Promise.resolve();
parentPort?.on("message", (order: Order) => {
  last = last.then(() => obey(order));
});
