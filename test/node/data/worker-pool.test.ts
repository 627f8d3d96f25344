import { expect, test } from "vitest";
import type { PhantomInit, PhantomResult } from "../../../src/node/data/phantom-worker.ts";
import type { MaskContent } from "../../../src/data/masks/content.ts";
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

test("threads of a closed pool serve the next one, whatever was left undone", async () => {
  const phantom = (seed: number) => {
    const [greys, shapes] = [1, 2].map(() => new SharedArrayBuffer(8 * 32 * 32)) as [
      SharedArrayBuffer,
      SharedArrayBuffer,
    ];
    const init: PhantomInit = {
      scanner: "phantom",
      seed,
      target: "class",
      width: 32,
      height: 32,
      crop: "none",
      greys,
      shapes,
    };
    return { greys, pool: new WorkerPool<number, PhantomResult>("phantom-worker", 2, init) };
  };
  const draw = async (seed: number) => {
    const { greys, pool } = phantom(seed);
    const labels = await Promise.all(Array.from({ length: 8 }, async (_, i) => (await pool.run(i)).label));
    await pool.close();
    await expect(pool.run(0)).rejects.toThrow("the worker pool is closed");
    return { labels, bytes: new Uint8Array(greys.slice(0)) };
  };
  const [first, other] = [await draw(1), await draw(2)];
  expect(other).not.toEqual(first);

  const masks = new WorkerPool<string, MaskContent>("mask-worker", 2, {});
  await expect(masks.run("no-such.png")).rejects.toThrow("there is no such file");
  const { pool } = phantom(3);
  const undone = Promise.allSettled(Array.from({ length: 8 }, (_, i) => pool.run(i)));
  await pool.close(new Error("no more of it"));
  for (const result of await undone) {
    expect(result.status === "rejected" && (result.reason as Error).message).toBe("no more of it");
  }
  await masks.close();
  await masks.close();
  expect(await draw(1)).toEqual(first);
});
