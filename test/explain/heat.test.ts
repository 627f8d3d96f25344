/** Heat maps: a value's position in the picture, and its colour. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parseSafetensors } from "../../src/data/safetensors.ts";
import { blend, greatest, heat, heatLayer, sample, type Grid } from "../../src/explain/heat.ts";

const grid = (width: number, height: number, ...values: number[]): Grid => {
  return { width, height, values: Float32Array.from(values) };
};

describe("sample", () => {
  test("gives each value at the centre of its pixel, and what is between them in between", () => {
    const g = grid(2, 2, 0, 1, 2, 5);
    expect([sample(g, 0.25, 0.25), sample(g, 0.75, 0.25), sample(g, 0.25, 0.75), sample(g, 0.75, 0.75)]).toEqual([
      0, 1, 2, 5,
    ]);
    expect(sample(g, 0.5, 0.5)).toBe(2);
    expect(sample(g, 0.5, 0.25)).toBe(0.5);
  });

  test("keeps the outermost value up to the edge", () => {
    const g = grid(3, 2, 1, 2, 3, 4, 5, 6);
    expect([sample(g, 0, 0), sample(g, 1, 0), sample(g, 0, 1), sample(g, 1, 1)]).toEqual([1, 3, 4, 6]);
  });

  test("takes a single value for the whole", () => {
    expect(sample(grid(1, 1, 7), 0.1, 0.9)).toBe(7);
  });

  test("agrees with PyTorch's bilinear resize, wherever that is computed", () => {
    const { tensors } = parseSafetensors(readFileSync("test/reference/data/interpolate.safetensors"), "interpolate");
    let compared = 0;
    for (const [name, { shape: [, , height, width] = [], data }] of tensors) {
      if (!name.endsWith(".in.x")) continue;
      const { shape, data: wanted } = tensors.get(name.replace("in.x", "out.y"))!;
      const [, , down, across] = shape as [number, number, number, number];
      const values = (data as Float32Array).subarray(0, height! * width!);
      for (let i = 0; i < down * across; i++) {
        const value = sample(
          { width: width!, height: height!, values },
          ((i % across) + 0.5) / across,
          (Math.floor(i / across) + 0.5) / down,
        );
        expect(value, `${name} at ${i}`).toBeCloseTo(Number(wanted[i]), 5);
        compared++;
      }
    }
    expect(compared).toBeGreaterThan(200);
  });
});

describe("heat", () => {
  const picture = { width: 6, height: 4, grey: new Uint8Array(24).fill(100) };
  const crop = { x0: 2, y0: 0, x1: 6, y1: 4 };

  test("covers the crop and leaves the rest grey", () => {
    const { data } = heat(picture, grid(1, 1, 1), crop, { most: 1, signed: false });
    const pixel = (x: number, y: number) => [...data.subarray(3 * (y * 6 + x), 3 * (y * 6 + x) + 3)];
    for (let y = 0; y < 4; y++) {
      for (const x of [0, 1]) expect(pixel(x, y)).toEqual([100, 100, 100]);
      for (const x of [2, 3, 4, 5]) expect(pixel(x, y)).toEqual(blend(1, 100, false));
    }
  });

  test("shows the picture where there is no activation, and where there is none anywhere", () => {
    for (const most of [0, 3]) {
      const { data } = heat(picture, grid(2, 1, 0, 0), crop, { most, signed: false });
      expect([...data]).toEqual(Array.from({ length: 72 }, () => 100));
    }
  });

  test("turns neither left nor up", () => {
    const { data } = heat(picture, grid(2, 2, 0, 0, 0, 1), { x0: 0, y0: 0, x1: 6, y1: 4 }, { most: 1, signed: false });
    const changed = [...data].flatMap((level, i) => (i % 3 === 0 && level !== 100 ? [Math.floor(i / 3)] : []));
    expect(changed).toContain(23);
    expect(changed).not.toContain(0);
    expect(changed.every((i) => i % 6 >= 2 && i >= 6)).toBe(true);
  });
});

test("colours rise in lightness with the value, so they are told apart without hues", () => {
  const lightness = Array.from({ length: 11 }, (_, i) => {
    const [r, g, b] = blend(i / 10, 60, false);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  });
  for (let i = 1; i < lightness.length; i++) expect(lightness[i]).toBeGreaterThan(lightness[i - 1]!);
  expect(lightness[10]! - lightness[0]!).toBeGreaterThan(100);
});

test("what speaks for and what speaks against differ in blue and in red", () => {
  const [forRed, , forBlue] = blend(0.8, 60, true);
  const [againstRed, , againstBlue] = blend(-0.8, 60, true);
  expect(forRed - forBlue).toBeGreaterThan(60);
  expect(againstBlue - againstRed).toBeGreaterThan(30);
});

test("greatest counts values below 0", () => {
  expect(greatest([grid(2, 1, 1, -4), grid(1, 1, 3)])).toBe(4);
});

describe("a layer", () => {
  const values = Array.from({ length: 12 }, (_, i) => Math.sin(2.3 * i));
  const most = 1.1;

  test.each([true, false])("over a grey picture is the heat map, signed: %s", (signed) => {
    const g = grid(4, 3, ...values.map((v) => (signed ? v : Math.abs(v))));
    const [size, level] = [{ width: 9, height: 7 }, 140];
    const picture = { ...size, grey: new Uint8Array(63).fill(level) };
    const { data } = heat(picture, g, { x0: 0, y0: 0, x1: 9, y1: 7 }, { most, signed });
    const layer = heatLayer(g, size, { most, signed });
    let coloured = 0;
    for (let i = 0; i < 63; i++) {
      const alpha = layer[4 * i + 3]! / 255;
      if (alpha > 0.3) coloured++;
      for (let c = 0; c < 3; c++) {
        const over = level * (1 - alpha) + layer[4 * i + c]! * alpha;
        // Colours and opacity are rounded to 8 bits each.
        expect(Math.abs(over - data[3 * i + c]!), `pixel ${i}`).toBeLessThanOrEqual(3);
      }
    }
    expect(coloured).toBeGreaterThan(30);
  });

  test("of nothing is clear", () => {
    expect(heatLayer(grid(1, 1, 0), { width: 2, height: 1 }, { most: 0, signed: false })).toEqual(
      new Uint8ClampedArray(8),
    );
  });
});
