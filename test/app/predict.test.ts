/** The page's table of predictions: order, figures, and the files that are made of it. */
import { parse } from "csv-parse/sync";
import { describe, expect, test } from "vitest";
import { pictureNames, toCsv, toJson } from "../../app/predict/export.ts";
import { wrapped } from "../../app/predict/paint.ts";
import { figuresOf, read, sorted, type Column } from "../../app/predict/rows.ts";
import type { PredictedImage } from "../../app/worker/predict.ts";
import { benignMalignant, classesOf } from "../../src/data/classes.ts";

const image = (name: string, changes: Partial<PredictedImage> = {}): PredictedImage => ({
  ...{ at: 0, name, frame: undefined, film: undefined, width: 100, height: 80, note: undefined },
  crop: { x0: 0, y0: 0, x1: 100, y1: 80 },
  probabilities: [0.5, 0.5],
  found: null,
  ...changes,
});

const found = (x0: number, y0: number, area: number) => ({
  ...{ rings: [], area },
  box: { x0, y0, x1: x0 + 10, y1: y0 + 10 },
});

/** P(malignant) and the label of each image. */
const readAll = (images: readonly [probability: number, label: number | undefined][], threshold = 0.5) =>
  images.map(([p, label], i) =>
    read(image(`${i}.png`, { probabilities: [1 - p, p] }), i, {
      ...{ truth: { label, boxes: [] }, classes: benignMalignant, threshold },
    }),
  );

describe("a row", () => {
  test("is predicted positive from the threshold on, and wrong only where the class is known", () => {
    const at = (threshold: number) => readAll([[0.7, 0]], threshold).map(({ predicted, wrong }) => [predicted, wrong]);
    expect([at(0.7), at(0.71)]).toEqual([[[1, true]], [[0, false]]]);
    expect(readAll([[0.7, undefined]])[0]!.wrong).toBeUndefined();
  });

  test("of three classes is the most probable one, whatever the threshold", () => {
    const row = image("a", { probabilities: [0.3, 0.45, 0.25] });
    const options = { truth: undefined, classes: classesOf(["a", "b", "c"]), threshold: 0.99 };
    expect(read(row, 0, options)).toMatchObject({ predicted: 1, probability: 0.45 });
  });

  test("says nothing of a class without a classifier", () => {
    const options = { truth: { label: 1, boxes: [] }, classes: benignMalignant, threshold: 0.5 };
    const { probability, predicted, wrong } = read(image("a", { probabilities: null }), 0, options);
    expect([probability, predicted, wrong]).toEqual([undefined, undefined, undefined]);
  });
});

describe("the order", () => {
  const rows = [
    image("scan 10.png", { probabilities: [0.1, 0.9], found: found(5, 30, 50) }),
    image("scan 9.png", { probabilities: [0.8, 0.2], found: { rings: [], box: null, area: 0 } }),
    image("scan 2.png", { probabilities: null }),
    image("scan 1.png", { probabilities: [0.1, 0.9], found: found(40, 3, 700) }),
  ].map((row, i) => read(row, i, { truth: undefined, classes: benignMalignant, threshold: 0.5 }));
  const by = (column: Column, descending: boolean) => sorted(rows, { column, descending }).map(({ index }) => index);

  test("counts in names, keeps equal rows as they were, and puts what is missing last in both directions", () => {
    expect([by("image", false), by("image", true)]).toEqual([
      [3, 2, 1, 0],
      [0, 1, 2, 3],
    ]);
    expect([by("probability", false), by("probability", true)]).toEqual([
      [1, 0, 3, 2],
      [0, 3, 1, 2],
    ]);
    expect([by("area", false), by("box", false)]).toEqual([
      [1, 0, 3, 2],
      [3, 0, 1, 2],
    ]);
  });
});

describe("figures", () => {
  test("follow the threshold, of the images whose class is known", () => {
    const images: [number, number | undefined][] = [
      ...([
        [0.9, 1],
        [0.6, 1],
        [0.4, 0],
        [0.7, 0],
      ] as [number, number][]),
      [0.99, undefined],
    ];
    const at = (threshold: number) => {
      const { images: count, figures } = figuresOf(readAll(images, threshold), benignMalignant, threshold);
      return [count, ...figures.map(({ name, measure }) => `${name} ${measure.value}`)];
    };
    expect(at(0.5)).toEqual([4, "Accuracy 0.75", "Sensitivity 1", "Specificity 0.5", "F1 0.8", "AUC 0.75"]);
    expect(at(0.8)).toEqual([4, "Accuracy 0.75", "Sensitivity 0.5", "Specificity 1", `F1 ${2 / 3}`, "AUC 0.75"]);
  });

  test("of one class alone say why some are missing", () => {
    const { figures } = figuresOf(readAll([[0.9, 1]]), benignMalignant, 0.5);
    expect(figures.find(({ name }) => name === "AUC")!.measure).toEqual({ value: null, reason: "no image is benign" });
    expect(figuresOf(readAll([[0.9, undefined]]), benignMalignant, 0.5)).toEqual({ images: 0, figures: [] });
  });
});

describe("files", () => {
  const model = { name: 'a, "b"', classes: benignMalignant, classifies: true, outlines: true };
  const film = { name: "loop.dcm", frames: 9 };
  const readings = [
    image('=1+1, <img src=x onerror="alert(1)">.png', { found: found(1.5, 2, 60), probabilities: [0.25, 0.75] }),
    image("loop.dcm#3", { film, frame: 3, probabilities: [0.5, 0.5], found: { rings: [], box: null, area: 0 } }),
    image("loop.dcm#4", { film: { ...film }, frame: 4, probabilities: [0.75, 0.25], found: found(0, 0, 1) }),
  ].map((row, i) => {
    const truth = i === 0 ? { label: 0, boxes: [] } : undefined;
    return read(row, i, { truth, classes: benignMalignant, threshold: 0.6 });
  });
  const left = [{ file: "é.png", reason: "the file is empty" }];
  const all = { model, threshold: 0.6, readings, left };

  test("CSV has a line for each image, in which nothing is a formula", () => {
    const [first, second] = parse<Record<string, string>>(toCsv(all), { columns: true });
    expect(first).toEqual({
      ...{ image: `'=1+1, <img src=x onerror="alert(1)">.png`, "probability benign": "0.25" },
      ...{ "probability malignant": "0.75", predicted: "malignant", threshold: "0.6", truth: "benign" },
      ...{ x0: "1.5", y0: "2", x1: "11.5", y1: "12", area: "60", width: "100", height: "80" },
      ...{ model: 'a, "b"', note: "For research; not a medical device." },
    });
    expect([second!["predicted"], second!["truth"], second!["x0"]]).toEqual(["benign", "", ""]);
  });

  test("JSON has the command line's form, with a summary of each loop", () => {
    const report = JSON.parse(toJson(all, ["a.png", "b.png", "c.png"])) as Record<string, unknown>;
    expect(report).toEqual({
      ...{ checkpoint: 'a, "b"', note: "For research; not a medical device.", threshold: 0.6, skipped: left },
      predictions: [
        {
          ...{ image: readings[0]!.row.name, malignant: 0.75, predicted: "malignant", truth: "benign" },
          ...{ box: { x0: 1.5, y0: 2, x1: 11.5, y1: 12 }, picture: "a.png" },
        },
        { image: "loop.dcm#3", malignant: 0.5, predicted: "benign", box: null, picture: "b.png" },
        {
          ...{ image: "loop.dcm#4", malignant: 0.25, predicted: "benign", picture: "c.png" },
          box: { x0: 0, y0: 0, x1: 10, y1: 10 },
        },
      ],
      loops: [
        {
          ...{ image: "loop.dcm", frames: 9, predicted: 2, withNodule: 1 },
          malignant: { mean: 0.375, greatest: 0.5, frame: "loop.dcm#3" },
        },
      ],
    });
  });

  test("pictures have names that any file system takes, each its own", () => {
    expect(pictureNames(["a/B.png", "c/b.jpg", "loop.dcm#12", '<img src="x">:é|?.png', "../..", ".png"])).toEqual([
      ...["B.png", "b-2.png", "loop-f0012.png", "-img src=-x-é-.png", "image.png", "png.png"],
    ]);
  });

  test("texts on pictures are broken between words, and words that are too long within", () => {
    expect(wrapped("one two threefour", 7, (part) => part.length)).toEqual(["one two", "threefo", "ur"]);
    expect(wrapped("", 7, (part) => part.length)).toEqual([]);
  });
});
