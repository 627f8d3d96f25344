import { describe, expect, test } from "vitest";
import { notableCases } from "../../src/metrics/notable-cases.ts";
import { fromSecond } from "../../src/metrics/predictions.ts";
import { drawnImages, HOSTILE } from "../report/made-up.ts";

describe("notable cases", () => {
  const images = drawnImages(40, 1, 3);
  test("are the surest right ones of both classes, the furthest from the truth and the nearest to the threshold", () => {
    const { best, worst, uncertain } = notableCases(images, 0.5);
    expect(best.map((p) => p.label)).toEqual([1, 1, 0, 0]);
    expect(worst[0]!.image).toBe(HOSTILE);
    for (const p of worst) expect(p.probabilities![1]! >= 0.5).toBe(p.label === 0);
    const nearest = Math.min(...images.map((p) => Math.abs(p.probabilities![1]! - 0.5)));
    expect(Math.abs(uncertain[0]!.probabilities![1]! - 0.5)).toBe(nearest);
    for (const kind of [best, worst, uncertain]) expect(new Set(kind.map((p) => p.patient)).size).toBe(kind.length);
  });

  test("of masks alone are the best and the worst by Dice", () => {
    const { best, worst, uncertain } = notableCases(images.map((p) => ({ ...p, probabilities: null })), 0.5); // prettier-ignore
    expect(best[0]!.dice).toBe(Math.max(...images.map((p) => p.dice!)));
    expect(worst[0]!.dice).toBe(Math.min(...images.map((p) => p.dice!)));
    expect(uncertain).toEqual([]);
  });

  test("are so about the threshold, and none without class or probability", () => {
    const of = (image: string, label: 0 | 1 | null, malignant: number | null) => {
      const probabilities = malignant === null ? null : fromSecond(malignant);
      return { image, patient: null, label, probabilities, dice: 1, iou: 1 };
    };
    const few = [of("a", 1, 0.52), of("b", 0, 0.44), of("c", null, 0.4), of("d", 0, null), of("e", 0, 0.1)];
    const names = (threshold: number) =>
      Object.fromEntries(
        Object.entries(notableCases(few, threshold, 2)).map(([kind, images]) => [
          kind,
          images.map((p) => p.image).join(""),
        ]),
      );
    expect(names(0.5)).toEqual({ best: "ae", worst: "", uncertain: "ab" });
    expect(names(0.4)).toEqual({ best: "ae", worst: "b", uncertain: "ba" });
  });
});
