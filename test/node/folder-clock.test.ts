/** Clocks of machines that share a folder. */
import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { clockNote } from "../../src/node/folder-clock.ts";
import { temporaryFolder } from "./data/images.ts";

test("clocks that differ by a minute or more are told, and nothing is left in the folder", async () => {
  const dir = temporaryFolder();
  expect(await clockNote(dir)).toBe(undefined);
  expect(await clockNote(dir, () => Date.now() - 30_000)).toBe(undefined);
  const told = await clockNote(dir, () => Date.now() - 300_000);
  expect(told).toMatch(/^This machine's clock is (299|300|301) seconds behind that of /);
  expect(await clockNote(dir, () => Date.now() + 300_000)).toMatch(/ is (299|300|301) seconds ahead of that of /);
  expect(await clockNote(`${dir}/none`)).toBe(undefined);
  expect(readdirSync(dir)).toEqual([]);
});
