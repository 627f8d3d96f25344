import { describe, expect, it } from "vitest";
import { cosTurns, log2 } from "../../src/data/phantom/arithmetic.ts";
import { logOdds, statisticsB, type NoduleFeatures } from "../../src/data/phantom/nodule-model.ts";
import { phantomImage, phantomSamples, type PhantomImage } from "../../src/data/phantom/phantom.ts";
import { everything, slow } from "../support/selection.ts";

/** Shares and areas under curves need many. */
const count = everything ? 400 : 40;
const images = phantomSamples({ count, seed: 11 });

/** Area under the ROC curve of a score for the label, as P(malignant > benign), ties counting half. */
function auc(score: (image: PhantomImage) => number): number {
  const benign = images.filter((image) => image.label === 0).map(score);
  const malignant = images.filter((image) => image.label === 1).map(score);
  let wins = 0;
  for (const m of malignant) for (const b of benign) wins += m > b ? 1 : m === b ? 0.5 : 0;
  return wins / (benign.length * malignant.length);
}

/** The same whichever way round the score points. */
const separation = (score: (image: PhantomImage) => number) => Math.max(auc(score), 1 - auc(score));

function pixels({ grey, width }: PhantomImage, { x0, y0, x1, y1 }: PhantomImage["tissue"]): Uint8Array {
  const values = new Uint8Array((x1 - x0) * (y1 - y0));
  for (let y = y0; y < y1; y++) values.set(grey.subarray(y * width + x0, y * width + x1), (y - y0) * (x1 - x0));
  return values;
}

function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum / values.length;
}

const deviation = (values: Uint8Array) => Math.sqrt(mean(Float64Array.from(values, (v) => v * v)) - mean(values) ** 2);
const areaOf = (image: PhantomImage) =>
  image.boxes.reduce((sum, box) => sum + (box.x1 - box.x0) * (box.y1 - box.y0), 0);

describe("phantom: reproducible", () => {
  it("gives the same bytes for the same seed and index, and others for others", () => {
    expect(phantomImage(3, 5)).toEqual(phantomImage(3, 5));
    expect(phantomImage(3, 5).grey).not.toEqual(phantomImage(3, 7).grey);
    expect(phantomImage(3, 5).grey).not.toEqual(phantomImage(4, 5).grey);
  });

  it("gives the bytes that it gave on the machine where this was written", () => {
    // FNV-1a. All arithmetic is exact (arithmetic.ts), so a difference means that the generator was changed.
    const hash = (bytes: Uint8Array) => bytes.reduce((h, byte) => Math.imul(h ^ byte, 0x01000193), 0x811c9dc5) >>> 0;
    expect([0, 1, 2, 3].map((index) => hash(phantomImage(1, index).grey).toString(16))).toEqual([
      "8781abe",
      "d60753cd",
      "a8c9e64a",
      "a105d63",
    ]);
  });

  it("numbers the images of a series from its start", () => {
    const [late] = phantomSamples({ count: 1, seed: 11, start: 17 });
    expect(late).toEqual(images[17]);
    expect(new Set(images.map((image) => image.id)).size).toBe(images.length);
  });

  it("has its own logarithm and cosine, close to the engine's", () => {
    for (let x = 1e-4; x < 100; x *= 1.37) expect(log2(x)).toBeCloseTo(Math.log2(x), 4);
    for (let x = -3; x < 3; x += 0.0173) expect(cosTurns(x)).toBeCloseTo(Math.cos(2 * Math.PI * x), 6);
  });

  it("refuses a frame in which the text has no room", () => {
    expect(() => phantomImage(1, 0, { width: 96, height: 96 })).toThrow(RangeError);
    expect(() => phantomImage(1, 0, { width: 600, height: 200 })).toThrow(RangeError);
  });
});

describe("phantom: geometry", () => {
  it("has as many malignant as benign images, in random order", () => {
    expect(images.filter((image) => image.label === 1)).toHaveLength(count / 2);
    const evenFirst = images.filter((image, i) => i % 2 === 0 && image.label === 1).length;
    expect(evenFirst).toBeGreaterThan(0.15 * count);
    expect(evenFirst).toBeLessThan(0.35 * count);
  });

  it("keeps every box inside the scan", () => {
    for (const { boxes, tissue, features } of images) {
      expect(boxes.length).toBeGreaterThanOrEqual(1);
      expect(boxes).toHaveLength(features.length);
      for (const box of boxes) {
        expect(box.x0).toBeGreaterThanOrEqual(tissue.x0);
        expect(box.y0).toBeGreaterThanOrEqual(tissue.y0);
        expect(box.x1).toBeLessThanOrEqual(tissue.x1);
        expect(box.y1).toBeLessThanOrEqual(tissue.y1);
      }
    }
  });

  it(
    "draws the nodule in its box: a markedly hypoechoic, solid one is darker inside the ellipse than around it",
    slow,
    () => {
      let [seen, darker] = [0, 0];
      for (const image of images) {
        const [nodule] = image.features;
        if (nodule!.echogenicity !== "markedlyHypoechoic" || nodule!.composition !== "solid") continue;
        if (nodule!.calcification === "macro" || image.boxes.length > 1) continue;
        const { x0, y0, x1, y1 } = image.boxes[0]!;
        const [cx, cy, w, h] = [(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0];
        const [inside, beside]: [number[], number[]] = [[], []];
        for (let y = y0; y < y1; y++) {
          for (let x = Math.max(image.tissue.x0, x0 - 20); x < Math.min(image.tissue.x1, x1 + 20); x++) {
            const rho = Math.hypot((x + 0.5 - cx) / (w / 2), (y + 0.5 - cy) / (h / 2));
            if (rho < 0.8) inside.push(image.grey[y * image.width + x]!);
            else if (rho > 1.15 && Math.abs(y - cy) < h / 4) beside.push(image.grey[y * image.width + x]!);
          }
        }
        seen++;
        if (mean(inside) < mean(beside)) darker++;
      }
      expect(seen).toBeGreaterThan(30);
      expect(darker / seen).toBeGreaterThan(0.9);
    },
  );

  it("fills 0.35 of the frame at any size, and leaves the rest black around it", () => {
    for (const size of [{}, { width: 224, height: 224 }, { width: 560, height: 360 }]) {
      for (let i = 0; i < 6; i++) {
        const { tissue, width, height, grey } = phantomImage(2, i, size);
        expect((tissue.x1 - tissue.x0) * (tissue.y1 - tissue.y0)).toBeGreaterThan(0.35 * width * height);
        const gap = Math.ceil(0.03 * Math.min(width, height));
        // The ruler's ticks aside, which are single pixels, the row below and the column to the right are black.
        for (let x = tissue.x0; x < tissue.x1; x++) expect(grey[(tissue.y1 + gap - 1) * width + x]).toBe(0);
        for (let y = tissue.y0; y < tissue.y1; y++) expect(grey[y * width + tissue.x1 + gap - 1]).toBe(0);
      }
    }
  });
});

describe("phantom: outlines", () => {
  it.each(["phantom", "phantom-b"] as const)("touch the sides of their boxes (%s)", (scanner) => {
    for (const { outlines, boxes } of phantomSamples({ count: 30, seed: 5, scanner })) {
      expect(outlines.length).toBe(boxes.length);
      outlines.forEach((points, n) => {
        const [xs, ys] = [points.map(({ x }) => x), points.map(({ y }) => y)];
        const { x0, y0, x1, y1 } = boxes[n]!;
        expect(Math.min(...xs)).toBeCloseTo(x0, 3);
        expect(Math.min(...ys)).toBeCloseTo(y0, 3);
        expect(Math.max(...xs)).toBeCloseTo(x1, 3);
        expect(Math.max(...ys)).toBeCloseTo(y1, 3);
      });
    }
  });

  it("lie where the nodule's edge is drawn: a dark one is dark just inside, and not just outside", slow, () => {
    let [seen, right] = [0, 0];
    for (const image of images) {
      const [nodule] = image.features;
      if (nodule!.echogenicity !== "markedlyHypoechoic" || nodule!.margin !== "spiculated" || nodule!.halo) continue;
      if (nodule!.composition !== "solid" || nodule!.calcification !== "none" || image.boxes.length > 1) continue;
      const { x0, y0, x1, y1 } = image.boxes[0]!;
      const [cx, cy] = [(x0 + x1) / 2, (y0 + y1) / 2];
      // Scaled about the centre: 6 % of the radius inside and outside, between and along the spikes.
      const at = (factor: number) =>
        image.outlines[0]!.map(({ x, y }) => {
          const [u, v] = [cx + (x - cx) * factor, cy + (y - cy) * factor].map(Math.floor);
          return image.grey[v! * image.width + u!]!;
        });
      seen++;
      if (mean(at(0.88)) < mean(at(1.12)) - 10) right++;
    }
    expect(seen).toBeGreaterThan(5);
    expect(right / seen).toBeGreaterThan(0.85);
  });
});

describe("phantom of scanner B", () => {
  const other = phantomSamples({ count: everything ? 200 : 40, seed: 11, scanner: "phantom-b" });
  const of = (side: readonly PhantomImage[], score: (image: PhantomImage) => number) => mean(side.map(score));

  it("gives the bytes that it gave on the machine where this was written", () => {
    const hash = (bytes: Uint8Array) => bytes.reduce((h, byte) => Math.imul(h ^ byte, 0x01000193), 0x811c9dc5) >>> 0;
    const hashes = [0, 1, 2, 3].map((index) =>
      hash(phantomImage(1, index, { scanner: "phantom-b" }).grey).toString(16),
    );
    expect(hashes).toEqual(["e4b25e29", "5e1ac82c", "375d1d7a", "d0147cf7"]);
  });

  it("darkens more with depth, and has smaller and less typical nodules", slow, () => {
    const darker = (image: PhantomImage) => {
      const { x0, y0, x1, y1 } = image.tissue;
      const third = Math.floor((y1 - y0) / 3);
      return mean(pixels(image, { x0, y0, x1, y1: y0 + third })) - mean(pixels(image, { x0, y0: y1 - third, x1, y1 }));
    };
    const share = (image: PhantomImage) => areaOf(image) / pixels(image, image.tissue).length / image.boxes.length;
    expect(of(other, share)).toBeLessThan(0.8 * of(images, share));
    expect(of(other, darker)).toBeGreaterThan(of(images, darker) + 6);
    expect(other.filter(({ boxes }) => boxes.length === 2).length).toBeGreaterThan(10);
    for (const { label, features } of other) {
      for (const f of features) expect((label === 1 ? 1 : -1) * logOdds(f, statisticsB)).toBeGreaterThanOrEqual(1.5);
    }
    const typical = (image: PhantomImage) => Math.abs(logOdds(image.features[0]!));
    expect(of(other, typical)).toBeLessThan(0.8 * of(images, typical));
  });

  it("keeps boxes inside the scan, and the rest black around it", () => {
    for (const { tissue, boxes, width, height, grey } of other.slice(0, 40)) {
      for (const box of boxes) {
        expect([box.x0 >= tissue.x0, box.y0 >= tissue.y0, box.x1 <= tissue.x1, box.y1 <= tissue.y1]).toEqual(
          Array(4).fill(true),
        );
      }
      expect((tissue.x1 - tissue.x0) * (tissue.y1 - tissue.y0)).toBeGreaterThan(0.35 * width * height);
      const gap = Math.ceil(0.03 * height);
      for (let x = tissue.x0; x < tissue.x1; x++) expect(grey[(tissue.y0 - gap) * width + x]).toBe(0);
      for (let y = tissue.y0; y < tissue.y1; y++) expect(grey[y * width + tissue.x0 - gap]).toBe(0);
    }
  });
});

describe("phantom: difficulty", slow, () => {
  it.each<[string, (image: PhantomImage) => number]>([
    ["mean of the scan", (image) => mean(pixels(image, image.tissue))],
    ["spread of the scan", (image) => deviation(pixels(image, image.tissue))],
    ["mean of the box", (image) => mean(pixels(image, image.boxes[0]!))],
    ["area of the boxes", areaOf],
    ["width of the box", ({ boxes: [box] }) => box!.x1 - box!.x0],
    ["height of the box", ({ boxes: [box] }) => box!.y1 - box!.y0],
    ["centre of the box, x", ({ boxes: [box], tissue }) => (box!.x0 + box!.x1) / 2 - tissue.x0],
    ["centre of the box, y", ({ boxes: [box], tissue }) => (box!.y0 + box!.y1) / 2 - tissue.y0],
    ["number of nodules", ({ boxes }) => boxes.length],
  ])("cannot be told by the %s", (_, score) => {
    expect(separation(score)).toBeLessThan(0.75);
  });

  it.each<[string, (features: NoduleFeatures) => number]>([
    ["aspect", (f) => f.aspect],
    ["margin", (f) => ["smooth", "illDefined", "lobulated", "spiculated"].indexOf(f.margin)],
    ["echogenicity", (f) => ["hyperechoic", "isoechoic", "hypoechoic", "markedlyHypoechoic"].indexOf(f.echogenicity)],
    ["microcalcifications", (f) => Number(f.calcification === "micro")],
    ["solid composition", (f) => Number(f.composition === "solid")],
    ["missing halo", (f) => Number(!f.halo)],
  ])("can be told in part by the %s alone", (_, score) => {
    const area = auc((image) => score(image.features[0]!));
    expect(area).toBeGreaterThan(0.65);
    expect(area).toBeLessThan(0.95);
  });

  it("can be told by all features together", () => {
    expect(auc((image) => logOdds(image.features[0]!))).toBeGreaterThan(0.97);
  });
});
