import { describe, expect, test } from "vitest";
import { componentBoxes } from "../../src/data/components.ts";
import { distance, hashOf, nearIdentical, nearPairs } from "../../src/data/fingerprint.ts";
import { stream } from "../../src/data/random.ts";

/** A smooth 32 x 32 picture of its own. */
function picture(seed: number, change: (level: number, i: number) => number = (level) => level): Uint8Array {
  const random = stream(seed);
  const waves = Array.from({ length: 40 }, () => Array.from({ length: 3 }, () => (random.next() >>> 0) / 2 ** 32));
  return Uint8Array.from({ length: 1024 }, (_, i) => {
    const [x, y] = [i % 32, i >> 5];
    const level = waves.reduce((sum, [a, b, c]) => sum + 3 * Math.sin(a! * 1.5 * x + b! * 1.5 * y + 6 * c!), 120);
    return Math.min(255, Math.max(0, Math.round(change(level, i))));
  });
}
const print = (grey: Uint8Array, tissue = grey) => ({ whole: hashOf(grey), tissue: hashOf(tissue) });

describe("a fingerprint", () => {
  test("has half of its bits set and differs from another in half of them", () => {
    const hashes = Array.from({ length: 30 }, (_, i) => hashOf(picture(i)));
    const none = new Uint32Array(8);
    for (const hash of hashes) expect(distance(hash, none)).toBe(127);
    const distances = hashes.flatMap((a, i) => hashes.slice(i + 1).map((b) => distance(a, b)));
    const mean = distances.reduce((a, b) => a + b) / distances.length;
    expect(Math.abs(mean - 127)).toBeLessThan(8);
  });

  test("counts bits as a plain count does, up to a limit", () => {
    const [a, b] = [hashOf(picture(1)), hashOf(picture(2))];
    const bits = [...a].reduce((sum, word, i) => sum + (word ^ b[i]!).toString(2).replace(/[^1]/g, "").length, 0);
    const plain = [...a].reduce(
      (n, w, i) => n + Array.from(((w ^ b[i]!) >>> 0).toString(2)).filter((c) => c === "1").length,
      0,
    );
    expect(distance(a, b)).toBe(plain);
    expect(bits).toBeGreaterThan(0);
    expect(distance(a, b, 20)).toBeGreaterThan(20);
    expect(distance(a, a)).toBe(0);
  });

  test("stays when the picture is brightened or disturbed a little", () => {
    const noise = stream(9);
    for (let seed = 0; seed < 10; seed++) {
      const before = print(picture(seed));
      expect(nearIdentical(before, print(picture(seed, (level) => 0.8 * level + 30)))).toBe(true);
      expect(nearIdentical(before, print(picture(seed, (level) => level + (noise.next() & 7))))).toBe(true);
      expect(nearIdentical(before, print(picture(seed + 1)))).toBe(false);
    }
  });

  test("finds the picture by its tissue in another frame, but not by its frame alone", () => {
    expect(nearIdentical(print(picture(1), picture(2)), print(picture(3), picture(2)))).toBe(true);
    expect(nearIdentical(print(picture(1), picture(2)), print(picture(1), picture(3)))).toBe(false);
  });

  test("pairs what is the same, whatever lies between", () => {
    const prints = [1, 2, 1, 3, 2, 1].map((seed) => print(picture(seed)));
    expect(nearPairs([...prints, undefined])).toEqual([
      [0, 2],
      [0, 5],
      [1, 4],
      [2, 5],
    ]);
  });
});

describe("boxes of a mask", () => {
  const mask = (rows: string[]) => {
    const width = rows[0]!.length;
    const values = Uint8Array.from(rows.join(""), (c) => (c === "#" ? 255 : 0));
    return componentBoxes(values, width, rows.length);
  };

  test("are one for each component, also where it forks, closes or meets at a corner only", () => {
    expect(mask(["##...#.#", "##...#.#", ".....###", "#.......", ".#......"])).toEqual({
      boxes: [
        { x0: 0, y0: 0, x1: 2, y1: 2 },
        { x0: 5, y0: 0, x1: 8, y1: 3 },
        { x0: 0, y0: 3, x1: 2, y1: 5 },
      ],
      specks: 0,
    });
  });

  test("leave out specks and are none for an empty mask", () => {
    const rows = Array.from({ length: 30 }, (_, y) => (y < 20 ? "#".repeat(20) + ".".repeat(10) : ".".repeat(30)));
    rows[25] = "#".padEnd(30, ".");
    expect(mask(rows)).toEqual({ boxes: [{ x0: 0, y0: 0, x1: 20, y1: 20 }], specks: 1 });
    expect(mask(["...", "..."])).toEqual({ boxes: [], specks: 0 });
  });
});
