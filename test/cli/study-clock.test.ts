import { expect, test } from "vitest";
import { SHARED, StudyClock } from "../../src/cli/study-clock.ts";

test("what is left is counted by what each kind of step has taken, and by the others where it has not been seen", () => {
  const clock = new StudyClock();
  expect(clock.left([{ kind: "base", steps: 10 }])).toBeUndefined();
  clock.add(SHARED, 2, 2);
  expect(clock.left([{ kind: SHARED, steps: 10 }])).toBe(10);
  // Not seen yet: joint steps are taken for slower.
  expect(clock.left([{ kind: "base", steps: 10 }])).toBeCloseTo(22, 9);
  clock.add("base", 30, 10);
  clock.add("proposed", 10, 2);
  const left = clock.left([
    { kind: "base", steps: 1 },
    { kind: "proposed", steps: 1 },
    { kind: "serial", steps: 1 },
  ]);
  expect(left).toBe(3 + 5 + 4);
});

test("time between two steps counts, time before the first after a pause does not", () => {
  const clock = new StudyClock();
  clock.tick("base", 1000);
  clock.tick("base", 3000);
  clock.pause();
  clock.tick("base", 100_000);
  clock.tick("base", 104_000);
  expect(clock.left([{ kind: "base", steps: 2 }])).toBe(6);
});
