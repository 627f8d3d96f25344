/** All cases of test/reference as tests, for a device in this process or in another one. */
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import type { Gpu } from "../../src/gpu/gpu.ts";
import type { Comparison } from "../../src/train/parity.ts";
import { compareLine, networks, parseTable } from "./reference.ts";
import { makeRunner, type Runner } from "./runner.ts";

const at = (file: string) => new URL(`../reference/${file}`, import.meta.url);

const table = parseTable(readFileSync(at("cases.json"), "utf8"));

/** Declares a test for each case. `runner` is called within tests only. */
export function kernelSuite(runner: () => Runner): void {
  for (const [op, cases] of Object.entries(table)) {
    describe(`${op} agrees with PyTorch in float64`, () => {
      for (const { name } of cases) it(name, async () => expectAgreement(await runner().op(op, name)));
    });
  }
  describe("MGA-Net agrees with PyTorch in float64", () => {
    for (const name of networks) it(name, async () => expectAgreement(await runner().network(name)));
  });
}

function expectAgreement(comparisons: readonly Comparison[]): void {
  expect(comparisons.length).toBeGreaterThan(0);
  const wrong = comparisons.filter(({ error, bar }) => !(error <= bar));
  expect(wrong.map(compareLine)).toEqual([]);
}

/** A runner on a device of this process. */
export const runnerOnNode = (gpu: Gpu): Promise<Runner> => makeRunner(gpu, (file) => readFile(at(file)));
