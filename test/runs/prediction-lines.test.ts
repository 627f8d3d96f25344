import { describe, expect, test } from "vitest";
import { csvColumns, csvRow, LineCounts, LineOrder, parseLine, writeLine } from "../../src/runs/prediction-lines.ts";

describe("the order of lines", () => {
  const names = ["a.png", "b.dcm", "c#7.png", "d.dcm#3"];
  const orderOf = (of = 1) =>
    new LineOrder(
      (k) => k * of,
      (k) => names[k],
    );
  const line = (index: number, image: string) => ({ index, image, malignant: 0.5 });

  test("is that of the images, and of a film's frames", () => {
    const order = orderOf(3);
    for (const [index, image] of [
      [0, "a.png"],
      [3, "b.dcm#1"],
      [3, "b.dcm#2"],
      [3, "b.dcm#5"],
      [6, "c#7.png"],
      [9, "d.dcm#3"],
    ] as const) {
      expect(order.accepts(line(index, image)), image).toBe(true);
    }
    expect([order.reached, order.frame]).toEqual([4, undefined]);
  });

  test.each([
    ["a double", line(0, "a.png")],
    ["a gap", line(2, "c#7.png")],
    ["another name", line(1, "x.dcm")],
    ["another film", line(1, "x.dcm#1")],
    ["a frame of what is none", line(0, "a.png#1")],
  ])("does not take %s", (_, next) => {
    const order = orderOf();
    expect(order.accepts(line(0, "a.png"))).toBe(true);
    expect(order.accepts(next)).toBe(false);
    expect(order.reached).toBe(1);
  });

  test("does not take a frame twice, nor one before it", () => {
    const order = orderOf();
    order.accepts(line(0, "a.png"));
    expect(order.accepts(line(1, "b.dcm#4"))).toBe(true);
    expect(order.accepts(line(1, "b.dcm#4"))).toBe(false);
    expect(order.accepts(line(1, "b.dcm#3"))).toBe(false);
    expect(order.accepts(line(1, "b.dcm"))).toBe(false);
    expect(order.frame).toBe(4);
  });
});

test("a line comes back as it was; anything else is none", () => {
  const line = { index: 3, image: 'a "b",\n.png', malignant: 0.1 + 0.2, box: null, note: "12 bits" };
  const text = writeLine(line);
  expect(parseLine(text)).toEqual(line);
  for (let cut = 0; cut < text.length - 1; cut++) expect(parseLine(text.slice(0, cut))).toBeUndefined();
  for (const other of ["", "{}", "[]", "null", '{"index":-1,"image":"a"}', '{"index":0,"image":"a","more":1}']) {
    expect(parseLine(other)).toBeUndefined();
  }
});

test("a table has a column for each class, and quotes what it has to", () => {
  const job = { classes: ["a", "b", "c"], positive: "a", learned: { classes: true, outlines: true } };
  expect(csvColumns(job, false)).toEqual("index,image,p(a),p(b),p(c),predicted,x0,y0,x1,y1,left_out,note".split(","));
  const probabilities = { a: 0.5, b: 0.25, c: 0.25 };
  const box = { x0: 1, y0: 2, x1: 3.5, y1: 4 };
  expect(csvRow({ index: 1, image: 'x, "y".png', probabilities, predicted: "a", box }, job, false)).toBe(
    '1,"x, ""y"".png",0.5,0.25,0.25,a,1,2,3.5,4,,\n',
  );
  expect(csvRow({ index: 1, image: "x", leftOut: "is blank" }, job, false)).toBe("1,x,,,,,,,,,is blank,\n");
  const plain = { ...job, learned: { classes: true, outlines: false } };
  expect(csvColumns(plain, true)).toEqual(["index", "image", "malignant", "left_out", "note"]);
});

test("reasons are counted, of which there may be as many as images", () => {
  const counts = new LineCounts();
  for (let i = 0; i < 1000; i++) counts.add({ index: i, image: `${i}`, leftOut: i % 2 ? "is blank" : `reason ${i}` });
  counts.add({ index: 1000, image: "x", malignant: 0.5 });
  expect([counts.lines, counts.predicted, counts.leftOut]).toEqual([1001, 1, 1000]);
  expect(counts.reasons[0]).toEqual({ reason: "is blank", images: 500, first: "1" });
  expect(counts.reasons.length).toBeLessThanOrEqual(101);
  expect(counts.reasons.reduce((sum, { images }) => sum + images, 0)).toBe(1000);
});
