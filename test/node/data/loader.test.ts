import { afterAll, describe, expect, test } from "vitest";
import { assembleBatch, planEpoch } from "../../../src/data/batches.ts";
import { type Batch, DataError } from "../../../src/data/sample.ts";
import { BatchLoader } from "../../../src/node/data/loader.ts";
import { preparedImages } from "../../data/prepared.ts";

const images = preparedImages(23, 16, 12);
const training = { seed: 9, epoch: 2, batchSize: 4, shuffle: true, flip: true, dropLast: true };
const expected = (options = training) =>
  planEpoch(images.length, options).map(({ indices, flips }) =>
    assembleBatch(
      indices.map((i) => images[i]!),
      flips,
    ),
  );

async function collect(batches: AsyncIterable<Batch>): Promise<Batch[]> {
  const all: Batch[] = [];
  for await (const batch of batches) all.push(batch);
  return all;
}

describe("the batch loader", () => {
  const loader = new BatchLoader(images);
  afterAll(() => loader.close());

  test("yields the batches of the plan, in order, epoch after epoch", async () => {
    for (const epoch of [0, 1]) {
      const options = { ...training, epoch };
      expect(await collect(loader.epoch(options))).toEqual(expected(options));
    }
  });

  test("goes on in the middle of an epoch as if it had never stopped", async () => {
    expect(await collect(loader.epoch({ ...training, startBatch: 3 }))).toEqual(expected().slice(3));
    expect(await collect(loader.epoch({ ...training, startBatch: 5 }))).toEqual([]);
  });

  test("keeps the smaller last batch in evaluation", async () => {
    const sizes = (await collect(loader.epoch({ seed: 0, epoch: 0, batchSize: 4 }))).map((b) => b.ids.length);
    expect(sizes).toEqual([4, 4, 4, 4, 4, 3]);
  });

  test("may be left early, and has several epochs open at a time", async () => {
    for (let round = 0; round < 20; round++) {
      for await (const batch of loader.epoch({ ...training, epoch: round })) {
        expect(batch.ids.length).toBe(4);
        break;
      }
    }
    const [a, b] = await Promise.all([0, 1].map((epoch) => collect(loader.epoch({ ...training, epoch }))));
    expect([a, b]).toEqual([expected({ ...training, epoch: 0 }), expected({ ...training, epoch: 1 })]);
  });

  test("refuses impossible options at once", () => {
    expect(() => loader.epoch({ ...training, batchSize: 24 })).toThrow(/use a batch size of at most 23/);
  });
});

test("batches depend neither on the workers nor on how far ahead they are made", async () => {
  for (const options of [
    { workers: 3, ahead: 7 },
    { workers: 2, ahead: 1 },
  ]) {
    await using loader = new BatchLoader(images, options);
    expect(await collect(loader.epoch(training))).toEqual(expected());
  }
});

test("as many batches are made ahead as asked for, and no more, however slow the consumer", async () => {
  const grey = new Uint8Array(new SharedArrayBuffer(16 * 12));
  const image = { ...images[0]!, grey };
  await using loader = new BatchLoader(Array<typeof image>(6).fill(image), { ahead: 2 });
  // The picture changes while the consumer holds the first batch: what was made before shows the old one.
  const levels: (number | undefined)[] = [];
  for await (const batch of loader.epoch({ seed: 0, epoch: 0, batchSize: 1 })) {
    levels.push(batch.image[0]);
    if (levels.length > 1) continue;
    // The worker takes orders in turn: when it has this batch ready, it has those that were ordered before.
    for await (const later of loader.epoch({ seed: 1, epoch: 0, batchSize: 1 })) {
      expect(later.image[0]).toBe(levels[0]);
      break;
    }
    grey.fill(255);
  }
  const [dark, , , light] = levels;
  expect(light).toBeGreaterThan(dark!);
  expect(levels).toEqual([dark, dark, dark, light, light, light]);
});

test("an error in a worker reaches the consumer as what it was, and the loader still works", async () => {
  const odd = preparedImages(1, 12, 16)[0]!;
  await using loader = new BatchLoader([...images.slice(0, 7), odd]);
  const seen: string[][] = [];
  const run = async () => {
    for await (const batch of loader.epoch({ seed: 0, epoch: 0, batchSize: 4 })) seen.push(batch.ids);
  };
  const error: unknown = await run().catch((e: unknown) => e);
  expect(error).toBeInstanceOf(DataError);
  expect((error as Error).message).toMatch(/is 12x16, but image-4 in the same batch is 16x12/);
  expect(seen.length).toBe(1);
  expect((await collect(loader.epoch({ seed: 0, epoch: 0, batchSize: 1 }))).length).toBe(8);
});

test("closed in the middle, the epoch ends with an error and a new one does not start", async () => {
  const loader = new BatchLoader(images);
  const iterator = loader.epoch({ ...training, batchSize: 1 })[Symbol.asyncIterator]();
  await iterator.next();
  await loader.close();
  const rest = async () => {
    while (!(await iterator.next()).done);
  };
  await expect(rest()).rejects.toThrow("the batch loader is closed");
  await expect(collect(loader.epoch(training))).rejects.toThrow("the batch loader is closed");
  expect(() => new BatchLoader([])).toThrow(DataError);
});
