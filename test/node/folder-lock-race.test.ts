/** Processes that race for one folder; test/soak/lock.ts has the long version. */
import { expect, test } from "vitest";
import { race, stale, type Stale } from "../soak/lock-race.ts";

test("of four processes that race for a folder one gets it, whatever lies there, and nothing is left", async () => {
  const kinds = Object.keys(stale) as Stale[];
  expect(await race(kinds, { rounds: 30 })).toEqual({ rounds: 30, double: 0, nobody: 0, leftovers: 0 });
});
