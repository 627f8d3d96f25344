import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { waitResting } from "../../src/node/wait.ts";

/** How long each nap asks for, in milliseconds. Nobody sleeps here: a busy machine would sleep for longer. */
const naps: (number | undefined)[] = [];
beforeEach(() => {
  naps.length = 0;
  vi.spyOn(Atomics, "wait").mockImplementation((_array: unknown, _index: unknown, _value: unknown, ms?: number) => {
    naps.push(ms);
    return "timed-out";
  });
});
afterEach(() => void vi.restoreAllMocks());

/** Lets the event loop turn so many times. @returns the naps that it took */
async function turns(count: number): Promise<number> {
  const before = naps.length;
  for (let i = 0; i < count; i++) await new Promise<void>((resolve) => setImmediate(resolve));
  return naps.length - before;
}

test("waits one after the other do not lengthen the turns of the event loop", async () => {
  // Each ends before the nap that it asked for, which so meets the next one's.
  for (let i = 0; i < 200; i++) await waitResting(Promise.resolve(i));
  let release = () => {};
  const open = waitResting(new Promise<void>((resolve) => (release = resolve)));
  await turns(1);
  expect(await turns(5)).toBe(5);
  release();
  await open;
});

test("the event loop rests while a wait is open, and only then", async () => {
  await turns(1);
  expect(await turns(20)).toBe(0);
  let release = () => {};
  const open = waitResting(new Promise<void>((resolve) => (release = resolve)));
  await turns(1);
  expect(await turns(20)).toBe(20);
  expect(new Set(naps)).toEqual(new Set([1]));
  release();
  await open;
  await turns(1);
  expect(await turns(20)).toBe(0);
});

test("a failure comes through", async () => {
  await expect(waitResting(Promise.reject(new Error("no")))).rejects.toThrow("no");
});
