/** The cost model: operations of a study, cards that share it, and processes that share a folder. */
import { describe, expect, test } from "vitest";
import { schedule, studyJobs, trainingWork, workOf } from "../../bench/scale/cost.ts";
import { type Folder, REQUESTS, simulate } from "../../bench/scale/folder.ts";
import { checkConfig, presetFor } from "../../src/train/config.ts";

const small = checkConfig({
  ...presetFor("paper", "images"),
  ...{ width: 1 / 16, size: [32, 32], batch: 4, epochs: { segmentation: 2, joint: 3 } },
});
const images = { train: 42, val: 10 };

describe("the work of a training", () => {
  test("is that of its steps and evaluations", () => {
    const [segmentation, joint] = workOf(small);
    // Forward and backward take about three times as much as forward alone.
    for (const { step, evaluation } of [segmentation!, joint!]) {
      expect(step / evaluation).toBeGreaterThan(2.5);
      expect(step / evaluation).toBeLessThan(3.5);
    }
    expect(joint!.step).toBeGreaterThan(segmentation!.step);
    // 42 images are 10 batches of 4 and two that are left out; each epoch is evaluated.
    const expected = 2 * (40 * segmentation!.step + 10 * segmentation!.evaluation);
    expect(trainingWork(small, images)).toBeCloseTo(expected + 3 * (40 * joint!.step + 10 * joint!.evaluation), 3);
  });

  test("of a study counts what rows share once for each seed and fold", () => {
    const jobs = studyJobs({ tables: [3], seeds: 2, folds: 3, images }, small);
    const shared = jobs.filter(({ name }) => name.startsWith("shared"));
    expect(shared).toHaveLength(6);
    expect(jobs).toHaveLength(6 * (1 + 5));
    const rows = jobs.filter(({ after }) => after !== undefined);
    expect(rows).toHaveLength(30);
    const proposed = jobs.find(({ name }) => name.startsWith("proposed"))!;
    expect(shared[0]!.work + proposed.work).toBeCloseTo(trainingWork(small, images), 3);
  });
});

describe("cards", () => {
  const jobs = [
    { name: "s", work: 2 },
    { name: "a", after: "s", work: 5 },
    { name: "b", after: "s", work: 5 },
    { name: "c", work: 4 },
  ];

  test("do what may begin, and wait for what may not", () => {
    expect(schedule(jobs, 1)).toEqual({ end: 16, busy: 1 });
    // s then a on one, c then b on the other.
    expect(schedule(jobs, 2)).toEqual({ end: 9, busy: 16 / 18 });
    expect(schedule(jobs, 8).end).toBe(7);
    expect(schedule([], 3)).toEqual({ end: 0, busy: 1 });
    expect(() => schedule([{ name: "a", after: "x", work: 1 }], 2)).toThrow("waits for one that there is not");
  });
});

describe("a shared folder", () => {
  const fast: Folder = { delay: 1e-6, capacity: 1e9, lookups: 0 };
  const slow: Folder = { delay: 0.05, capacity: 20_000, lookups: 2 };
  const load = { runs: 60, seconds: 600, epoch: 60, notes: "locked" } as const;

  test("that costs nothing leaves the time to the cards", () => {
    const { trained, ideal } = simulate(fast, { ...load, processes: 6 });
    expect(ideal).toBe(6000);
    expect(trained).toBeGreaterThanOrEqual(ideal);
    expect(trained).toBeLessThan(1.01 * ideal);
  });

  test.each([1, 7, 60, 100])("has every run trained once by %s processes", (processes) => {
    for (const folder of [fast, slow]) {
      expect(simulate(folder, { ...load, processes }).trainings).toEqual(Array.from({ length: 60 }, () => 1));
    }
  });

  test("costs one process what it asks for, one request after another", () => {
    const folder = { delay: 1, capacity: 1e9, lookups: 1 };
    const { requests, trained, lockWait } = simulate(folder, { ...load, processes: 1, runs: 1, seconds: 60 });
    const recorded = REQUESTS.claim + REQUESTS.note;
    const inRun = REQUESTS.look + REQUESTS.claim + REQUESTS.claimed + 2 * recorded + REQUESTS.epoch;
    const before = REQUESTS.open + REQUESTS.list + recorded;
    // Each is two, and takes a second; those beside the training take none of its time.
    expect(trained).toBeCloseTo(60 + 2 * (before + inRun), 2);
    expect(lockWait).toBeCloseTo(3 * 2 * REQUESTS.claim, 2);
    const after = REQUESTS.release + REQUESTS.look + REQUESTS.ended;
    expect(requests).toBeCloseTo(2 * (before + inRun + after + 6 * REQUESTS.pace + 2), 3);
  });

  test("that is slow has many processes wait for the study's lock", () => {
    const many = { ...load, processes: 60, runs: 120 };
    const [good, bad, free] = [simulate(fast, many), simulate(slow, many), simulate(slow, { ...many, notes: "none" })];
    expect(bad.trained).toBeGreaterThan(1.3 * good.trained);
    expect(bad.lockWait).toBeGreaterThan(10 * good.lockWait);
    expect(free.trained).toBeLessThan(bad.trained);
    expect(bad.refusals).toBeGreaterThan(free.refusals);
    // The same every time.
    expect(simulate(slow, many)).toEqual(bad);
  });
});
