import { describe, expect, test } from "vitest";
import { learningRate, type Schedule } from "../../src/optim/schedule.ts";

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
