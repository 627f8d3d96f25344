import { expect, test } from "vitest";
import { waitResting } from "../../src/node/wait.ts";

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test("waits one after the other do not lengthen the turns of the event loop", async () => {
  // Each ends before the nap that it asked for, which so meets the next one's.
  for (let i = 0; i < 200; i++) await waitResting(Promise.resolve(i));
  let release = () => {};
  const open = waitResting(new Promise<void>((resolve) => (release = resolve)));
  const turns: number[] = [];
  for (let i = 0; i < 5; i++) {
    const begun = performance.now();
    await turn();
    turns.push(performance.now() - begun);
  }
  release();
  await open;
  expect(turns.sort((a, b) => a - b)[2]).toBeLessThan(50);
});

test("the event loop rests while a wait is open, and only then", async () => {
  const turnsIn = async (ms: number) => {
    const begun = performance.now();
    let turns = 0;
    while (performance.now() - begun < ms) {
      await turn();
      turns++;
    }
    return turns;
  };
  let release = () => {};
  const open = waitResting(new Promise<void>((resolve) => (release = resolve)));
  expect(await turnsIn(50)).toBeLessThanOrEqual(60);
  release();
  await open;
  await turn();
  expect(await turnsIn(50)).toBeGreaterThan(200);
});

test("a failure comes through", async () => {
  await expect(waitResting(Promise.reject(new Error("no")))).rejects.toThrow("no");
});
