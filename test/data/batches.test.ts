import { describe, expect, test } from "vitest";
import { assembleBatch, IMAGE_DEVIATION, IMAGE_MEAN, planEpoch } from "../../src/data/batches.ts";
import { clip, intoCrop, mirror } from "../../src/data/boxes.ts";
import { ellipseMask } from "../../src/data/ellipse.ts";
import { DataError, type Prepared } from "../../src/data/sample.ts";
import { preparedImages } from "./prepared.ts";

describe("the plan of an epoch", () => {
  const training = { seed: 3, epoch: 5, batchSize: 4, shuffle: true, flip: true, dropLast: true };

  test("of training visits each image at most once, in full batches, half of them mirrored", () => {
    const plan = planEpoch(1003, training);
    const indices = plan.flatMap((b) => b.indices);
    expect(plan.length).toBe(250);
    expect(new Set(indices).size).toBe(1000);
    expect(plan.every((b) => b.indices.length === 4 && b.flips.length === 4)).toBe(true);
    const flipped = plan.flatMap((b) => b.flips).filter(Boolean).length;
    expect(Math.abs(flipped - 500)).toBeLessThan(80); // 5 standard deviations
  });

  test("of evaluation keeps the order and the smaller last batch", () => {
    const plan = planEpoch(10, { seed: 3, epoch: 0, batchSize: 4 });
    expect(plan.map((b) => b.indices)).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ]);
    expect(plan.flatMap((b) => b.flips)).not.toContain(true);
  });

  test("resumed in the middle is the rest of the same plan", () => {
    expect(planEpoch(50, { ...training, startBatch: 7 })).toEqual(planEpoch(50, training).slice(7));
    expect(planEpoch(50, { ...training, startBatch: 12 })).toEqual([]);
  });

  test("differs from seed to seed and from epoch to epoch, in order and in flips", () => {
    const plans = [training, { ...training, seed: 4 }, { ...training, epoch: 6 }].map((o) => planEpoch(64, o));
    const orders = plans.map((p) => p.flatMap((b) => b.indices).join());
    const flips = plans.map((p) =>
      p
        .flatMap((b) => b.indices.map((index, i) => [index, b.flips[i]] as const))
        .sort(([a], [b]) => a - b)
        .map(([, flip]) => Number(flip))
        .join(""),
    );
    expect(new Set(orders).size).toBe(3);
    expect(new Set(flips).size).toBe(3);
  });

  test("says which batch size fits when one batch is not filled", () => {
    expect(() => planEpoch(3, { ...training, batchSize: 8 })).toThrow(
      new DataError("3 images do not fill one batch of 8: use a batch size of at most 3"),
    );
    expect(planEpoch(3, { ...training, batchSize: 8, dropLast: false }).length).toBe(1);
    expect(() => planEpoch(0, training)).toThrow(DataError);
    for (const batchSize of [0, -1, 1.5, NaN])
      expect(() => planEpoch(9, { ...training, batchSize })).toThrow(DataError);
  });
});

describe("a batch", () => {
  const [first, second] = preparedImages(2, 12, 7) as [Prepared, Prepared];
  const pixels = 12 * 7;

  test("holds normalised grey in three channels, labels, and the ellipses", () => {
    const batch = assembleBatch([first, second], [false, false]);
    expect(batch.image.length).toBe(2 * pixels * 3);
    for (let i = 0; i < pixels; i++) {
      const value = Math.fround((second.grey[i]! / 255 - IMAGE_MEAN) / IMAGE_DEVIATION);
      for (let c = 0; c < 3; c++) expect(batch.image[(pixels + i) * 3 + c]).toBe(value);
    }
    expect([...batch.label]).toEqual([first.label ?? 0, second.label ?? 0]);
    expect(batch.target.subarray(pixels)).toEqual(ellipseMask(second.boxes, 12, 7));
    expect(batch.ids).toEqual([first.id, second.id]);
  });

  test("mirrors image and label together: it is the batch of the mirrored image and boxes", () => {
    const grey = first.grey.map((_, i) => first.grey[i - (i % 12) + 11 - (i % 12)]!);
    const mirrored = { ...first, grey, boxes: first.boxes.map((box) => mirror(box, 12)) };
    expect(assembleBatch([first, second], [true, false])).toEqual(assembleBatch([mirrored, second], [false, false]));
    expect(assembleBatch([mirrored, second], [true, false])).toEqual(assembleBatch([first, second], [false, false]));
  });

  test("has label 0 where the class is not known", () => {
    expect([...assembleBatch([{ ...first, label: undefined }], [false]).label]).toEqual([0]);
  });

  test("refuses images of different sizes and no images", () => {
    const [other] = preparedImages(1, 7, 12);
    expect(() => assembleBatch([first, other!], [])).toThrow(/is 7x12, but image-0 in the same batch is 12x7/);
    expect(() => assembleBatch([], [])).toThrow(DataError);
  });
});

describe("balanced sampling", () => {
  const classes = Array.from({ length: 50 }, (_, i) => Number(i % 5 === 0)); // 40 of 0, 10 of 1
  const options = { seed: 3, epoch: 0, batchSize: 10, shuffle: true, flip: true, classes };
  const plan = planEpoch(50, options);
  const seen = plan.flatMap(({ indices }) => indices);

  test("shows as many images of each class, each of the rarer one about as often as any other", () => {
    expect(seen.length).toBe(50);
    expect(seen.filter((i) => classes[i] === 1).length).toBe(25);
    const times = (i: number) => seen.filter((other) => other === i).length;
    classes.forEach((kind, i) => expect(times(i), `image ${i}`).toBeLessThanOrEqual(kind === 1 ? 3 : 1));
    for (let i = 0; i < 50; i += 5) expect(times(i)).toBeGreaterThanOrEqual(2);
  });

  test("depends on seed and epoch alone, and draws anew in each epoch", () => {
    expect(planEpoch(50, { ...options, startBatch: 2 })).toEqual(plan.slice(2));
    const next = planEpoch(50, { ...options, epoch: 1 }).flatMap(({ indices }) => indices);
    expect(new Set([...seen, ...next]).size).toBeGreaterThan(new Set(seen).size);
    // An image that comes more than once in an epoch is mirrored by coins of its own.
    const coins = (index: number) => plan.flatMap(({ indices, flips }) => flips.filter((_, k) => indices[k] === index));
    const mixed = classes.filter((_, i) => new Set(coins(i)).size === 2).length;
    expect(mixed).toBeGreaterThan(2);
  });
});

test("boxes follow the crop, the resize and the edges of the image", () => {
  const crop = { x0: 100, y0: 20, x1: 300, y1: 120 };
  const box = intoCrop({ x0: 150, y0: 10, x1: 320, y1: 70 }, crop, 100, 100);
  expect(box).toEqual({ x0: 25, y0: -10, x1: 110, y1: 50 });
  expect(clip(box, 100, 100)).toEqual({ x0: 25, y0: 0, x1: 100, y1: 50 });
});
