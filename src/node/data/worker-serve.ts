/** The worker side of a WorkerPool. */
import { parentPort, type Transferable, workerData } from "node:worker_threads";

/** The start data of a worker thread. */
export interface Start {
  file: string;
  init: unknown;
}

export type Reply<Result> =
  { result: Result } | { error: { name: string; message: string; stack?: string | undefined } };

/**
 * Answers tasks one at a time, in order of arrival. What the handler throws reaches the caller of `WorkerPool.run`.
 *
 * @param start makes the handler of tasks from the pool's `init`
 */
export function serve<Init, Task, Result>(
  start: (init: Init) => (task: Task) => Result | Promise<Result>,
  transfer: (result: Result) => readonly Transferable[] = () => [],
): void {
  const handle = start((workerData as Start).init as Init);
  let last = Promise.resolve();
  const answer = async (task: Task) => {
    try {
      const result = await handle(task);
      parentPort!.postMessage({ result } satisfies Reply<Result>, transfer(result));
    } catch (error) {
      const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
      parentPort!.postMessage({ error: { name, message, stack } } satisfies Reply<Result>);
    }
  };
  parentPort!.on("message", (task: Task) => {
    last = last.then(() => answer(task));
  });
}
