import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { resizeGrey } from "../../src/data/resample.ts";

interface Case {
  width: number;
  height: number;
  grey: string;
  box: [number, number, number, number];
  size: [number, number];
  resized: string;
}

const cases = JSON.parse(readFileSync(new URL("../reference/data/resize.json", import.meta.url), "utf8")) as Case[];
const bytes = (text: string) => new Uint8Array(Buffer.from(text, "base64"));

test.each(cases.map((c) => [`${c.width}x${c.height}, ${c.box.join(" ")}, to ${c.size.join("x")}`, c] as const))(
  "a part of a picture is resized as by Pillow, bit for bit: %s",
  (_, { width, height, grey, box: [x0, y0, x1, y1], size, resized }) => {
    const image = { width, height, grey: bytes(grey) };
    expect(resizeGrey(image, { x0, y0, x1, y1 }, ...size)).toEqual(bytes(resized));
  },
);

test("an even picture stays even at every size, however far it is stretched or shrunk", () => {
  const image = { width: 37, height: 23, grey: new Uint8Array(37 * 23).fill(201) };
  for (const [width, height] of [
    [1, 1],
    [3, 200],
    [224, 5],
    [37, 23],
  ] as const) {
    const resized = resizeGrey(image, { x0: 2, y0: 1, x1: 36, y1: 22 }, width, height);
    expect(resized).toEqual(new Uint8Array(width * height).fill(201));
  }
});
