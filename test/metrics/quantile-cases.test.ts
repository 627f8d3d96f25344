/** Cases chosen by rank: whatever order the images come in, and each once. */
import { describe, expect, test } from "vitest";
import { fromSecond, type Classified } from "../../src/metrics/predictions.ts";
import { quantileCases } from "../../src/metrics/quantile-cases.ts";

const of = (image: string, label: 0 | 1, second: number): Classified => {
  return { image, patient: null, label, probabilities: fromSecond(second), dice: null, iou: null };
};

const QUARTERS = [0, 0.25, 0.5, 0.75, 1];
const names = (images: Classified[]) => quantileCases(images, QUARTERS).map(({ image }) => image.image);

describe("cases at quantiles", () => {
  // By the probability of the actual class: e 0.1, c 0.2, a 0.4, b 0.7, d 0.8, g 0.9, f 0.95.
  const images = [
    ...[of("a", 0, 0.6), of("b", 1, 0.7), of("c", 0, 0.8), of("d", 1, 0.8)],
    ...[of("e", 1, 0.1), of("f", 0, 0.05), of("g", 0, 0.1)],
  ];

  test("are the lowest, the quartiles and the highest of the probability of the actual class", () => {
    // Ranks 0, 1.5, 3, 4.5 and 6 of 0 to 6; halves are rounded up.
    expect(names(images)).toEqual(["e", "a", "b", "g", "f"]);
    expect(quantileCases(images, QUARTERS).map(({ quantile }) => quantile)).toEqual(QUARTERS);
  });

  test("do not depend on the order of the images, nor do equal ones", () => {
    expect(names([...images].reverse())).toEqual(names(images));
    const equal = ["b", "c", "a"].map((name) => of(name, 1, 0.5));
    expect(names(equal)).toEqual(["a", "b", "c"]);
    expect(names([...equal].reverse())).toEqual(["a", "b", "c"]);
  });

  test("are each taken once of few images, for the quantile nearest to their place, and none of none", () => {
    const places = (count: number) => quantileCases(images.slice(0, count), QUARTERS).map(({ quantile }) => quantile);
    expect([4, 3, 2, 1, 0].map(places)).toEqual([[0, 0.25, 0.75, 1], [0, 0.5, 1], [0, 1], [0], []]);
    expect(names(images.slice(0, 2))).toEqual(["a", "b"]);
    expect(names(images.slice(0, 1))).toEqual(["a"]);
    expect(names([])).toEqual([]);
  });

  test("of three classes go by the actual one's probability", () => {
    const three = [
      { ...of("x", 0, 0), probabilities: [0.3, 0.6, 0.1] },
      { ...of("y", 1, 0), probabilities: [0.8, 0.15, 0.05] },
    ];
    expect(names(three)).toEqual(["y", "x"]);
  });
});
