/** Figure 4's frame: cases below each other, in one SVG that stands alone. */
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { activationColours, figureTiles, pngOf } from "../../src/node/figure-tiles.ts";
import { NO_OUTLINE, outline } from "../../src/explain/outline.ts";
import type { ExplainedPicture } from "../../src/node/tiles.ts";
import { caseFigure, TILE, type FigureCase } from "../../src/report/case-figure.ts";

const map = (...values: number[]) => ({ width: 2, height: 2, values: Float32Array.from(values) });

/** A grey picture of 40 x 20 with a box, a mask and two activations. */
const explained: ExplainedPicture = {
  image: { width: 40, height: 20, grey: new Uint8Array(800).fill(90) },
  crop: { x0: 0, y0: 0, x1: 40, y1: 20 },
  boxes: [{ x0: 5, y0: 4, x1: 15, y1: 14 }],
  outline: outline(Float32Array.from({ length: 8 }, (_, i) => (i % 4 < 2 ? 1 : 0)), 4, 2, { x0: 0, y0: 0, x1: 40, y1: 20 }),
  before: map(0, 0, 0, 0.25),
  after: map(0.5, 0, 0, 0),
  signed: false,
}; // prettier-ignore

const heads = ["(a) Image", "(b) Base", "(c) Mask", "(d) Proposed"];
const figure = (cases: FigureCase[], caption?: string) =>
  caseFigure({ label: "P", heads, cases, colours: activationColours, ...(caption === undefined ? {} : { caption }) });
const caseOf = async (picture: ExplainedPicture): Promise<FigureCase> => {
  return { lines: ["1: lowest", "actual: benign"], ...(await figureTiles(picture)) };
};
const sizeOf = (svg: string) => /width="([\d.]+)" height="([\d.]+)"/.exec(svg)!.slice(1).map(Number);

describe("a figure of cases", () => {
  test("shows image, both activations on one scale and the mask, with each one's maximum", async () => {
    const { tiles, most } = await figureTiles(explained);
    expect(most).toBe("0.5");
    expect(tiles.map((tile) => (typeof tile === "string" ? tile : tile.note))).toEqual([
      ...[undefined, "max 0.25"],
      ...[undefined, "max 0.5"],
    ]);
    const [image, before, , after] = await Promise.all(
      tiles.map(async (tile) => {
        if (typeof tile === "string") throw new Error(tile);
        expect([tile.width, tile.height]).toEqual([40, 20]);
        const png = Buffer.from(tile.picture.replace("data:image/png;base64,", ""), "base64");
        return sharp(png).raw().toBuffer();
      }),
    );
    const at = (data: Buffer | undefined, x: number, y: number) => [...data!.subarray(3 * (40 * y + x), 3 * (40 * y + x) + 3)];
    expect(at(image, 0, 0)).toEqual([90, 90, 90]);
    // The larger maximum has the scale's last colour, the smaller one less, and zero is the tissue.
    const brightness = (rgb: number[]) => rgb[0]! + rgb[1]!;
    expect(brightness(at(after, 0, 0))).toBeGreaterThan(brightness(at(before, 39, 19)));
    expect(at(before, 0, 0)).toEqual([90, 90, 90]);
    expect(at(after, 39, 19)).toEqual([90, 90, 90]);
  }); // prettier-ignore

  test("is one SVG that stands alone and is drawn with its pictures", async () => {
    const svg = figure([await caseOf(explained), await caseOf({ ...explained, outline: NO_OUTLINE })], "<caption>");
    expect(svg).toContain("no mask was learned");
    expect(svg).toContain("&#60;caption&#62;");
    expect(svg.replaceAll(/data:image\/png;base64,[^"]+/g, "")).not.toMatch(/var\(|url\(|href="[^"]|<style/);
    // Which refuses what is not XML.
    const { data, info } = await sharp(await pngOf(svg)).raw().toBuffer({ resolveWithObject: true }); // prettier-ignore
    expect([info.width, info.height]).toEqual(sizeOf(svg).map((n) => 2 * n));
    // The middle of the first picture is its grey, or librsvg has left it out.
    const [, x, y] = /<svg x="([\d.]+)" y="([\d.]+)"/.exec(svg)!.map(Number) as [number, number, number];
    const [cx, cy] = [Math.round(2 * (x + 0.75 * TILE)), Math.round(2 * (y + 0.25 * TILE))];
    expect(data[(cy * info.width + cx) * info.channels]).toBe(90);
  });

  test("says so of a mask that is empty, and marks none of an image without a box", async () => {
    const { tiles } = await figureTiles({ ...explained, boxes: [], outline: { rings: [], box: undefined } });
    expect(tiles[2]).toMatchObject({ note: "empty" });
    expect(tiles[0]).toMatchObject({ marks: "" });
  });

  test("grows with high pictures and long texts, and cuts names that are too long", async () => {
    const high = { ...explained, image: { width: 20, height: 40, grey: new Uint8Array(800) }, outline: undefined };
    const of = async (picture: ExplainedPicture, lines: string[]) =>
      sizeOf(figure([{ ...(await caseOf(picture)), lines }]))[1]!;
    const low = await of(explained, ["a"]);
    expect((await of(high, ["a"])) - low).toBeCloseTo(TILE / 2, 0);
    expect(
      await of(
        explained,
        Array.from({ length: 12 }, () => "a"),
      ),
    ).toBeGreaterThan(low + 100);
    const long = figure([{ ...(await caseOf(explained)), lines: ["x".repeat(80)] }]);
    expect(long).toMatch(/>x+…</);
  });
});
