import { expect, test } from "vitest";
import { tellingCases } from "../../src/metrics/telling.ts";

const image = (label: 0 | 1 | null, malignant: number | null) => ({ label, malignant });
const images = [
  image(1, 0.98), // 0: right and sure
  image(0, 0.97), // 1: wrong and sure
  image(1, 0.52), // 2: hardly right
  image(0, 0.02), // 3: right, as sure as 0
  image(null, 0.01), // 4: no class
  image(1, 0.1), // 5: wrong
  image(0, null), // 6: no probability
  image(0, 0.44), // 7: rather right
];
const shown = (count: number, threshold?: number) =>
  tellingCases(images, count, threshold).map(({ kind, rank, index }) => `${kind} ${rank}: ${index}`);

test("the worst, the most uncertain and the best, in this order, equals in theirs", () => {
  expect(shown(1)).toEqual(["worst 1: 1", "uncertain 1: 2", "best 1: 0"]);
  expect(shown(2)).toEqual([
    ...["worst 1: 1", "worst 2: 5"],
    ...["uncertain 1: 2", "uncertain 2: 7"],
    ...["best 1: 0", "best 2: 3"],
  ]);
});

test("no image comes twice, and none without class or probability", () => {
  const all = tellingCases(images, 4);
  expect(all.map(({ index }) => index).sort()).toEqual([0, 1, 2, 3, 5, 7]);
  expect(tellingCases([image(null, 0.4), image(1, null)], 3)).toEqual([]);
});

test("uncertainty is about the threshold", () => {
  expect(shown(1, 0.4)[1]).toBe("uncertain 1: 7");
});
