/** The memory planner against brute force. */
import { describe, expect, test } from "vitest";
import { stream } from "../../src/data/random.ts";
import { planMemory, type Lifetime } from "../../src/graph/memory.ts";

const ALIGNMENT = 256;

function requests(seed: number, count: number, steps: number): Lifetime[] {
  const random = stream(seed);
  const below = (n: number) => (random.next() >>> 0) % n;
  return Array.from({ length: count }, () => {
    const first = below(steps);
    const last = Math.min(steps - 1, first + below(1 + below(steps)));
    // Sizes as they occur: many small ones, some large, some of nothing.
    return { bytes: below(4) === 0 ? below(100_000) : below(600), first, last };
  });
}

const aligned = (bytes: number) => Math.ceil(Math.max(bytes, 1) / ALIGNMENT) * ALIGNMENT;

/** Checks a plan request by request and step by step. */
function check(all: readonly Lifetime[], pageBytes: number): void {
  const { places, pages, lowerBound } = planMemory(all, ALIGNMENT, pageBytes);
  expect(places.length).toBe(all.length);
  for (const [i, a] of all.entries()) {
    const { page, offset } = places[i]!;
    expect(offset % ALIGNMENT).toBe(0);
    expect(offset + aligned(a.bytes)).toBeLessThanOrEqual(pages[page]!);
    for (const [j, b] of all.entries()) {
      if (j >= i || places[j]!.page !== page || a.last < b.first || b.last < a.first) continue;
      const other = places[j]!.offset;
      const apart = offset + aligned(a.bytes) <= other || other + aligned(b.bytes) <= offset;
      expect(apart, `requests ${i} and ${j} overlap`).toBe(true);
    }
  }
  for (const bytes of pages) expect(bytes).toBeLessThanOrEqual(pageBytes);
  const steps = Math.max(...all.map((r) => r.last)) + 1;
  const inUse = Array.from({ length: steps }, (_, step) =>
    all.filter((r) => r.first <= step && step <= r.last).reduce((sum, r) => sum + aligned(r.bytes), 0),
  );
  expect(lowerBound).toBe(Math.max(...inUse));
  expect(pages.reduce((a, b) => a + b, 0)).toBeGreaterThanOrEqual(lowerBound);
}

describe("planMemory", () => {
  test("places random lifetimes without overlap, aligned, within pages; the lower bound is the largest sum in use", () => {
    for (let seed = 0; seed < 60; seed++) {
      const all = requests(seed, 1 + (seed % 12) * 8, 1 + (seed % 7) * 9);
      check(all, Infinity);
      check(all, 101_000);
      check(all, 200_000);
    }
  });

  test("shares memory between requests that do not live at the same time", () => {
    const chain = Array.from({ length: 100 }, (_, i) => ({ bytes: 1000, first: i, last: i + 1 }));
    expect(planMemory(chain, ALIGNMENT, 1e9)).toMatchObject({ pages: [2048], lowerBound: 2048 });
    const nested = [3, 2, 1, 0].map((i) => ({ bytes: 256 << i, first: i, last: 10 - i }));
    expect(planMemory(nested, ALIGNMENT, 1e9)).toMatchObject({ pages: [256 * 15], lowerBound: 256 * 15 });
  });

  test("tries other orders where the largest first does badly", () => {
    // By size, 3 and 2 are put at the bottom and the long 1 on top of 3, out of reach of what follows.
    for (let seed = 0; seed < 40; seed++) {
      const all = requests(seed, 60, 30);
      const { pages, lowerBound } = planMemory(all, ALIGNMENT, Infinity);
      expect(pages[0]! / lowerBound).toBeLessThanOrEqual(1.15);
    }
  });

  test("fills a page before it begins another", () => {
    const together = Array.from({ length: 10 }, () => ({ bytes: 1024, first: 0, last: 0 }));
    const { pages, places } = planMemory(together, ALIGNMENT, 4096);
    expect(pages).toEqual([4096, 4096, 2048]);
    expect(planMemory([{ bytes: 4096, first: 0, last: 0 }], ALIGNMENT, 4096).pages).toEqual([4096]);
    expect(places.map(({ page }) => page)).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 2, 2]);
  });

  test("of nothing is nothing; a request beyond a page is an error", () => {
    expect(planMemory([], ALIGNMENT, 4096)).toEqual({ places: [], pages: [], lowerBound: 0 });
    expect(() => planMemory([{ bytes: 4097, first: 0, last: 0 }], ALIGNMENT, 4096)).toThrow(
      /4352 bytes exceeds a page/,
    );
  });
});
