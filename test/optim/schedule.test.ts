import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  constantLR,
  cosineAnnealingLR,
  exponentialLR,
  learningRate,
  linearWarmup,
  stepLR,
  type LearningRateSchedule,
  type Schedule,
} from "../../src/optim/schedule.ts";

const PEAK = 1e-3;
const rates = (schedule: Schedule, total: number) =>
  Array.from({ length: total }, (_, step) => learningRate(schedule, PEAK, step, total));

describe("the constant schedule", () => {
  test("is the peak at every step", () => {
    expect(rates("constant", 5)).toEqual([PEAK, PEAK, PEAK, PEAK, PEAK]);
  });
});

describe("the cosine schedule", () => {
  test("rises linearly over 5 % of the steps, then falls along half a cosine", () => {
    // 100 steps: 5 of warm-up, 95 of cosine.
    const all = rates("cosine", 100);
    expect(all.slice(0, 5)).toEqual([1, 2, 3, 4, 5].map((step) => (PEAK * step) / 5));
    for (const [i, rate] of all.slice(5).entries()) {
      expect(rate).toBeCloseTo((PEAK / 2) * (1 + Math.cos((Math.PI * i) / 95)), 15);
    }
  });

  test("is at its peak at the end of the warm-up and at the step after it, and nowhere above", () => {
    const all = rates("cosine", 100);
    expect(all.slice(4, 6)).toEqual([PEAK, PEAK]);
    expect(Math.max(...all)).toBe(PEAK);
  });

  test("falls at every step behind the peak, through half of it in the middle, to almost 0", () => {
    // 105 steps: 5 of warm-up, 100 of cosine, so the middle is step 55.
    const all = rates("cosine", 105);
    for (const [i, rate] of all.slice(6).entries()) expect(rate).toBeLessThan(all[i + 5]!);
    expect(all[55]).toBeCloseTo(PEAK / 2, 15);
    expect(all.at(-1)).toBeGreaterThan(0);
    expect(all.at(-1)).toBeCloseTo((PEAK / 2) * (1 - Math.cos(Math.PI / 100)), 15);
  });

  test("warms up over one step at least: short phases begin at the peak", () => {
    expect(rates("cosine", 1)).toEqual([PEAK]);
    expect(rates("cosine", 2)).toEqual([PEAK, PEAK]);
    const [first, second, third] = rates("cosine", 3);
    expect([first, second]).toEqual([PEAK, PEAK]);
    expect(third).toBeCloseTo(PEAK / 2, 15);
  });

  test("rounds the warm-up to whole steps", () => {
    // 29 steps: 1.45 of them, so 1; 30 steps: 1.5, so 2.
    expect(rates("cosine", 29)[0]).toBe(PEAK);
    expect(rates("cosine", 30).slice(0, 2)).toEqual([PEAK / 2, PEAK]);
  });
});

test.each([
  [1, 1],
  [-1, 10],
  [0.5, 10],
  [0, 0],
  [NaN, 10],
])("step %s of %s is refused", (step, total) => {
  expect(() => learningRate("cosine", PEAK, step, total)).toThrow(
    new RangeError(`learningRate: step ${step} is not one of ${total} steps, counted from 0`),
  );
});

describe("schedules by PyTorch's names", () => {
  const file = new URL("../reference/data/schedules.json", import.meta.url);
  const reference = JSON.parse(readFileSync(file, "utf8")) as Record<string, number[]>;
  const schedules: Record<string, LearningRateSchedule> = {
    stepLR: stepLR({ stepSize: 6, gamma: 0.3 }),
    exponentialLR: exponentialLR({ gamma: 0.9 }),
    cosineAnnealingLR: cosineAnnealingLR({ endFactor: 0.1 }),
    "cosineAnnealingLR, periodic": cosineAnnealingLR({ tMax: 8 }),
    linearWarmup: linearWarmup({ steps: 5, startFactor: 0.25 }),
    "linearWarmup, cosineAnnealingLR": linearWarmup({ steps: 5 }, cosineAnnealingLR()),
  };

  test("are those of the reference", () => {
    expect(Object.keys(schedules)).toEqual(Object.keys(reference));
  });

  test.each(Object.entries(reference))("%s", (name, rates) => {
    for (const [step, rate] of rates.entries())
      expect(schedules[name]!(step, 20), `step ${step}`).toBeCloseTo(rate, 12);
  });

  test("need no number of steps unless it is asked for", () => {
    expect(cosineAnnealingLR({ tMax: 8 })(4)).toBeCloseTo(0.5, 12);
    expect(linearWarmup({ steps: 2, startFactor: 0 }, cosineAnnealingLR({ tMax: 8 }))(6)).toBeCloseTo(0.5, 12);
    expect(() => linearWarmup({ steps: 2 }, cosineAnnealingLR())(6)).toThrow(
      "cosineAnnealingLR: pass tMax, as the number of steps is not known",
    );
  });

  test("constantLR is always the peak", () => {
    expect([0, 7, 19].map((step) => constantLR(step, 20))).toEqual([1, 1, 1]);
  });

  test.each<[() => unknown, string]>([
    [() => stepLR({ stepSize: 0 }), "stepLR: stepSize must be a whole number above 0, got 0"],
    [() => stepLR({ stepSize: 2, gamma: NaN }), "stepLR: gamma must be a number of at least 0, got NaN"],
    [() => exponentialLR({} as never), "exponentialLR: gamma must be a number of at least 0, got undefined"],
    [() => exponentialLR(0.9 as never), "exponentialLR: options are an object of gamma; got a Number"],
    [
      () => cosineAnnealingLR({ etaMin: 1 } as never),
      "cosineAnnealingLR: unknown option etaMin; the options are tMax, endFactor",
    ],
    [() => linearWarmup({ steps: 1.5 }), "linearWarmup: steps must be a whole number above 0, got 1.5"],
    [() => linearWarmup({ steps: 2 }, 1 as never), "linearWarmup: a schedule is a function, got a Number"],
  ])("an option that cannot be meant: %s", (make, message) => {
    expect(make).toThrow(message);
  });
});
