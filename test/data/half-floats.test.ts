import { expect, test } from "vitest";
import { narrowed, widened } from "../../src/data/half-floats.ts";

const all = Uint16Array.from({ length: 65536 }, (_, i) => i);
const isNaNWord = (half: number) => (half & 0x7c00) === 0x7c00 && (half & 0x3ff) !== 0;

test("every word of half precision has its value, and comes back", () => {
  const values = widened(all);
  // 1, -2, the greatest, the least normal and subnormal numbers, a third (numpy.float16).
  const known = { 0x3c00: 1, 0xc000: -2, 0x7bff: 65504, 0x0400: 2 ** -14, 0x0001: 2 ** -24, 0x3555: 0.333251953125 };
  for (const [half, value] of Object.entries(known)) expect(values[Number(half)]).toBe(value);
  expect([values[0x7c00], values[0xfc00], values[0x7c01]]).toEqual([Infinity, -Infinity, NaN]);
  expect(Object.is(values[0x8000], -0)).toBe(true);
  const back = narrowed(values);
  expect(all.filter((half) => back[half] !== half && !isNaNWord(half))).toEqual(new Uint16Array());
  expect(all.filter((half) => isNaNWord(half) && !isNaNWord(back[half]!))).toEqual(new Uint16Array());
});

test("between two words the nearer is taken, in the middle the even one", () => {
  const values = widened(all);
  const wrong: number[] = [];
  for (let half = 0; half < 0x7bff; half++) {
    const [low, high] = [values[half]!, values[half + 1]!];
    const middle = (low + high) / 2; // Exact in float32, as are its neighbours below.
    const near = 2 ** -12 * (high - low);
    const even = half % 2 === 0 ? half : half + 1;
    const got = narrowed(new Float32Array([middle, middle - near, middle + near, -middle]));
    if (got[0] !== even || got[1] !== half || got[2] !== half + 1 || got[3] !== (even | 0x8000)) wrong.push(half);
  }
  expect(wrong).toEqual([]);
  // Halfway to the next power of two beyond the greatest rounds to infinity, as in numpy.
  expect(Array.from(narrowed(new Float32Array([65519, 65520, 1e30, 2 ** -25, 2 ** -25 * 1.001, 1e-30])))).toEqual([
    0x7bff, 0x7c00, 0x7c00, 0, 1, 0,
  ]);
});
