import { expect, test } from "vitest";
import { WorkerPool } from "../../../src/node/data/worker-pool.ts";

test("a worker that cannot start rejects what waits for it and what comes later, and does not hang", async () => {
  const pool = new WorkerPool<number, number>("no-such-worker", 2, null);
  const results = await Promise.allSettled(Array.from({ length: 9 }, (_, i) => pool.run(i)));
  for (const result of results) {
    expect(result.status === "rejected" && (result.reason as Error).message).toMatch(/no-such-worker/);
  }
  await expect(pool.run(1)).rejects.toThrow(/no-such-worker/);
  await pool.close();
});
