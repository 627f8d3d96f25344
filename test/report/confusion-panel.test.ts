/** Figure 3: matrices in percent of the actual class, in one SVG that stands alone. */
import { XMLParser } from "fast-xml-parser";
import { describe, expect, test } from "vitest";
import { pngOf } from "../../src/node/figure-tiles.ts";
import { confusionPanel, type ConfusionPanel } from "../../src/report/confusion-panel.ts";
import type { ConfusionMatrix } from "../../src/metrics/multiclass.ts";
import sharp from "sharp";

const names = ["benign", "malignant"];
const six = ["Inception", "VGG", "ResNeXt", "ViT", "Swin", "Proposed"];
const panel = (matrices: ConfusionMatrix[], more: Partial<ConfusionPanel> = {}) =>
  confusionPanel({ names, matrices: matrices.map((matrix, i) => ({ label: six[i % 6]!, matrix })), ...more });

interface Element {
  "@x"?: string;
  "@y"?: string;
  "@width"?: string;
  "@height"?: string;
  "@fill"?: string;
  "#text"?: string | number;
}
interface Drawn {
  svg: Element & { rect: Element[] | Element; text: Element[]; g: { rect: Element[]; text: Element[] }[] };
}

/** What is in it. */
function parse(svg: string): Drawn["svg"] {
  const options = { ignoreAttributes: false, attributeNamePrefix: "@", isArray: (name: string) => name === "g" };
  return (new XMLParser({ ...options, parseTagValue: false }).parse(svg) as Drawn).svg;
}
const textsOf = (texts: Element[]) => texts.map((t) => String(t["#text"]));
const at = ({ "@x": x, "@y": y }: Element) => [Number(x), Number(y)] as const;

describe("a panel of confusion matrices", () => {
  test("of six rows is two by three, lettered, with percent of the actual class and the counts", () => {
    const { g } = parse(panel(six.map((_, i) => [[296 - i, 4 + i], [25, 200]]))); // prettier-ignore
    expect(g.map(({ text }) => textsOf(text)[0])).toEqual(six.map((label, i) => `(${"abcdef"[i]!}) ${label}`));
    const corners = g.map(({ rect }) => at(rect[0]!));
    const [xs, ys] = [0, 1].map((k) => [...new Set(corners.map((corner) => corner[k]))]);
    expect([xs!.length, ys!.length]).toEqual([3, 2]);
    expect(corners.slice(0, 3).map(([, y]) => y)).toEqual([ys![0], ys![0], ys![0]]);
    // 296 / 300, 4 / 300, 25 / 225, 200 / 225.
    expect(textsOf(g[0]!.text).slice(1, 9)).toEqual(["98.7 %", "296", "1.3 %", "4", "11.1 %", "25", "88.9 %", "200"]);
  });

  test("is the darker the larger the share, with light text on dark", () => {
    const [{ rect, text }] = parse(panel([[[9, 1], [4, 6]]])).g as [Drawn["svg"]["g"][0]]; // prettier-ignore
    const lightness = rect.slice(0, 4).map(({ "@fill": fill }) => {
      return /\d+, \d+, \d+/.exec(fill!)![0].split(", ").reduce((sum, c) => sum + Number(c), 0); // prettier-ignore
    });
    const order = [0, 1, 2, 3].sort((a, b) => lightness[b]! - lightness[a]!);
    expect(order).toEqual([1, 2, 3, 0]);
    const fills = [1, 3, 5, 7].map((i) => text[i]!["@fill"]);
    expect(fills).toEqual(["#ffffff", "#1b1f24", "#1b1f24", "#ffffff"]);
  });

  test("has rows actual and columns predicted, of any number of classes; one without images has no percentages", () => {
    const three = ["benign", "malignant", "normal"];
    const matrix = [[8, 1, 1], [2, 17, 1], [0, 0, 0]]; // prettier-ignore
    const { g } = parse(panel([matrix], { names: three }));
    const texts = textsOf(g[0]!.text);
    expect(texts[0]).toBe("Inception");
    const cells = ["80.0 %", "8", "10.0 %", "1", "10.0 %", "1", "10.0 %", "2", "85.0 %", "17", "5.0 %", "1"];
    expect(texts.slice(1, 19)).toEqual([...cells, "–", "0", "–", "0", "–", "0"]);
    expect(texts.slice(19)).toEqual([...three, ...three, "actual class", "predicted class"]);
    const [rows, columns] = [g[0]!.text.slice(19, 22).map(at), g[0]!.text.slice(22, 25).map(at)];
    expect(new Set(rows.map(([x]) => x)).size).toBe(1);
    expect(new Set(columns.map(([, y]) => y)).size).toBe(1);
  });

  test.each([2, 3, 5, 6, 7, 12, 13, 100])("of %i classes lies within its picture, each cell in its place", (k) => {
    const long = Array.from({ length: k }, (_, i) => `class ${i}`);
    const diagonal = long.map((_, i) => long.map((_, j) => (i === j ? 3 : 0)));
    const count = k === 100 ? 2 : 8;
    const svg = parse(panel(Array.from({ length: count }, () => diagonal), { names: long, caption: "word ".repeat(90) })); // prettier-ignore
    const [width, height] = [Number(svg["@width"]), Number(svg["@height"])];
    for (const { rect, text } of svg.g) {
      expect(rect.length).toBe(k * k + 1);
      for (const r of rect) {
        expect(Number(r["@x"]) + Number(r["@width"])).toBeLessThan(width);
        expect(Number(r["@y"]) + Number(r["@height"])).toBeLessThan(height);
      }
      for (const [x, y] of text.map(at)) expect([x > 0, x < width, y > 0, y < height]).not.toContain(false);
    }
    for (const [, y] of svg.text.map(at)) expect(y).toBeLessThan(height);
  });

  test("takes names for text, and needs nothing from elsewhere", async () => {
    const hostile = [`<img src="x" onerror="a">&'`, "long ".repeat(20)];
    const svg = panel([[[1, 2], [3, 4]]], { names: hostile, caption: '</svg><script>"&' }); // prettier-ignore
    const { g, text } = parse(svg);
    expect(svg).not.toMatch(/<img|<script|var\(|url\(|href|<style/);
    expect(textsOf(g[0]!.text).some((line) => line.startsWith("&#60;img"))).toBe(true);
    expect(textsOf(text).at(-1)).toContain("&#60;/svg");
    // Which refuses what is not XML.
    const { width, height } = await sharp(await pngOf(svg)).metadata();
    const drawn = parse(svg);
    expect([width, height]).toEqual([2 * Number(drawn["@width"]), 2 * Number(drawn["@height"])]);
  });

  test("is drawn: a cell's middle row has its colour in the PNG", async () => {
    const svg = panel([[[10, 0], [0, 10]]]); // prettier-ignore
    const cell = parse(svg).g[0]!.rect[0]!;
    const [x, y] = at(cell).map((v) => 2 * (v + 6)) as [number, number];
    const { data, info } = await sharp(await pngOf(svg)).raw().toBuffer({ resolveWithObject: true }); // prettier-ignore
    const pixel = [...data.subarray((Math.round(y) * info.width + Math.round(x)) * info.channels)].slice(0, 3);
    expect(`rgb(${pixel.join(", ")})`).toBe(cell["@fill"]);
  });
});
