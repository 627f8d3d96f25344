import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { multiply, winogradMatrices, type TileSize } from "../../shaders/lib/winograd.ts";

const times = (matrix: readonly (readonly number[])[], x: readonly number[]) =>
  matrix.map((row) => row.reduce((sum, v, j) => sum + v * x[j]!, 0));

const cases = (
  [
    [4, 3],
    [4, 2],
    [6, 3],
    [6, 4],
  ] as [TileSize, number][]
).map(([n, r]) => ({ n, r }));

describe("winogradMatrices", () => {
  test.each(cases)("n = $n, r = $r: the correlation of any input and filter", ({ n, r }) => {
    const { inputs, filter, outputs } = winogradMatrices(n, r);
    const m = n - r + 1;
    for (let seed = 1; seed <= 5; seed++) {
      const d = Array.from({ length: n }, (_, i) => Math.sin(seed * 7 + i * 3));
      const g = Array.from({ length: r }, (_, i) => Math.cos(seed * 5 + i * 2));
      const [u, v] = [times(filter, g), times(inputs, d)];
      const y = times(
        outputs,
        u.map((value, i) => value * v[i]!),
      );
      const expected = Array.from({ length: m }, (_, i) => g.reduce((sum, w, k) => sum + w * d[i + k]!, 0));
      for (const [i, value] of y.entries()) expect(value).toBeCloseTo(expected[i]!, 12);
    }
  });

  test("the input transform does not depend on how many taps the filter has", () => {
    expect(winogradMatrices(6, 3).inputs).toEqual(winogradMatrices(6, 4).inputs);
  });
});

describe("multiply", () => {
  // The generated WGSL is JavaScript, too, once "let" lines are statements.
  const evaluate = (code: string, x: readonly number[], rows: number): number[] => {
    const variables = Object.fromEntries(x.map((value, i) => [`x${i}`, value]));
    const result = Array.from({ length: rows }, (_, i) => `y${i}`).join(", ");
    return runInNewContext(`${code}\n[${result}]`, variables) as number[];
  };

  test.each(cases)("n = $n, r = $r: writes out the product with all three matrices", ({ n, r }) => {
    for (const matrix of Object.values(winogradMatrices(n, r)) as (readonly (readonly number[])[])[]) {
      const x = Array.from({ length: matrix[0]!.length }, (_, i) => Math.sin(1 + 2 * i));
      const names = x.map((_, i) => `x${i}`);
      const actual = evaluate(multiply(matrix, names, "y"), x, matrix.length);
      for (const [i, value] of times(matrix, x).entries()) expect(actual[i]).toBeCloseTo(value, 6);
    }
  });

  test("opposite points share their halves", () => {
    const { inputs } = winogradMatrices(6, 3);
    const names = ["a", "b", "c", "d", "e", "f"];
    const products = multiply(inputs, names, "y").match(/\*/g)!.length;
    const direct = inputs.flat().filter((v) => v !== 0 && Math.abs(v) !== 1).length;
    expect(products).toBeLessThan(direct);
  });
});
