/** Steps one after the other, with the next one on its way before the previous one's result is awaited. */
import type { Batch } from "../data/sample.ts";

export interface Steps<R> {
  /** Starts a step. */
  begin(batch: Batch): Promise<R>;
  /** Takes the result of a step; the next one may be under way. */
  end(batch: Batch, result: R): Promise<void>;
  /** Whether the pipeline should stand still before the next batch, with no step under way. */
  pauses(): boolean;
  onPause(): Promise<void>;
}

/** Takes a step on every batch. The device never waits for the host, except where `pauses` says so. */
export async function runSteps<R>(batches: AsyncIterable<Batch>, steps: Steps<R>): Promise<void> {
  let pending: { batch: Batch; result: Promise<R> } | undefined;
  const finish = async ({ batch, result }: NonNullable<typeof pending>) => steps.end(batch, await result);
  try {
    for await (const batch of batches) {
      const next = { batch, result: steps.begin(batch) };
      next.result.catch(() => {}); // It is awaited below; until then a failure is not unhandled.
      const previous = pending;
      pending = next;
      if (!previous) continue;
      await finish(previous);
      if (!steps.pauses()) continue;
      pending = undefined;
      await finish(next);
      await steps.onPause();
    }
    if (pending) await finish(pending);
  } finally {
    // When one step fails, the next is under way: it needs the plan to its end.
    await pending?.result.catch(() => {});
  }
}

/** Ends early when `signal` is aborted. */
export async function* until<T>(signal: AbortSignal | undefined, items: AsyncIterable<T>): AsyncGenerator<T> {
  for await (const item of items) {
    if (signal?.aborted) return;
    yield item;
  }
}
