/** Pipelines steps: the next one starts before the previous one's result is awaited. */

export interface Steps<Batch, Result> {
  /** Starts a step. */
  begin(batch: Batch): Promise<Result>;
  /** Handles the result of a step; the next one may be in progress. */
  end(batch: Batch, result: Result): Promise<void> | void;
  /** Whether to drain the pipeline before the next batch; by default never. */
  pauses?(): boolean;
  onPause?(): Promise<void>;
}

/** Runs a step on every batch. The device never waits for the host, unless `pauses` says so. */
export async function runSteps<Batch, Result>(
  batches: Iterable<Batch> | AsyncIterable<Batch>,
  steps: Steps<Batch, Result>,
): Promise<void> {
  let pending: { batch: Batch; result: Promise<Result> } | undefined;
  const finish = async ({ batch, result }: NonNullable<typeof pending>) => steps.end(batch, await result);
  try {
    for await (const batch of batches) {
      const next = { batch, result: steps.begin(batch) };
      next.result.catch(() => {}); // Awaited below; until then a rejection must not count as unhandled.
      const previous = pending;
      pending = next;
      if (!previous) continue;
      await finish(previous);
      if (!steps.pauses?.()) continue;
      pending = undefined;
      await finish(next);
      await steps.onPause?.();
    }
    if (pending) await finish(pending);
  } finally {
    // If a step fails, the next is already running and needs the plan until it ends.
    await pending?.result.catch(() => {});
  }
}

/** Ends early when `signal` is aborted. */
export async function* until<T>(
  signal: AbortSignal | undefined,
  items: Iterable<T> | AsyncIterable<T>,
): AsyncGenerator<T> {
  for await (const item of items) {
    if (signal?.aborted) return;
    yield item;
  }
}
