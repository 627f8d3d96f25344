/** Declares all cases of test/reference as tests, for a device in this process or another one. */
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import type { Gpu } from "../../src/gpu/gpu.ts";
import type { Comparison } from "../../src/models/parity.ts";
import { compareLine, networks, parseTable } from "./reference.ts";
import { makeRunner, type Runner } from "./runner.ts";
import { everything, further } from "./selection.ts";
import type { Rounds } from "./variants.ts";

const at = (file: string) => new URL(`../reference/${file}`, import.meta.url);

const table = parseTable(readFileSync(at("cases.json"), "utf8"));

/**
 * Networks that agree on every adapter. In the others some ReLU's input lies so close to its kink that rounding decides the
 * side, and with it a few hundredths of the gradient; those are compared only on the usual adapter.
 */
export const robust = [
  "mganet-every-block",
  "mganet-parallel",
  "swin_t-dropout",
] as const satisfies readonly (typeof networks)[number][];

export interface SuiteOptions {
  /** The networks to run. */
  whole?: readonly string[];
  /** Runs one of N cases of an op; for slow adapters. */
  cases?: number;
  /** Runs every variant in one of N cases of an op, and the default one in the others; for slow adapters. */
  sample?: number;
  /**
   * The subset for quick runs: one of N cases of an op, half as many for convolutions, which are a quarter of all and have the
   * largest shaders, in these rounds (default: variants that no earlier case ran); and these networks. If you change it, check
   * that it still contains every variant of every kernel.
   */
  quick?: { every: number; whole: readonly string[]; rounds?: Rounds };
}

/** Declares a test for each case. `runner` is called only within tests. */
export function kernelSuite(
  runner: () => Runner,
  { whole = networks, cases: share = 1, sample = 1, quick }: SuiteOptions = {},
): void {
  for (const [op, cases] of Object.entries(table)) {
    const every = (quick?.every ?? 1) * (quick && op === "conv2d" ? 2 : 1);
    describe(`${op} agrees with PyTorch in float64`, () => {
      for (const [i, { name }] of cases.entries()) {
        if (i % share !== 0) continue;
        it(name, i % every === 0 ? {} : further, async ({ task }) => {
          const which = i % sample !== 0 ? "first" : everything ? "all" : (quick?.rounds ?? "new");
          const { comparisons, leftOut } = await runner().op(op, name, which);
          task.meta.variantsLeftOut = everything ? 0 : leftOut;
          expectAgreement(comparisons);
        });
      }
    });
  }
  describe("MGA-Net agrees with PyTorch in float64", () => {
    for (const name of whole) {
      const options = !quick || quick.whole.includes(name) ? {} : further;
      it(name, options, async () => expectAgreement(await runner().network(name)));
    }
  });
}

function expectAgreement(comparisons: readonly Comparison[]): void {
  expect(comparisons.length).toBeGreaterThan(0);
  const wrong = comparisons.filter(({ error, bar }) => !(error <= bar));
  expect(wrong.map(compareLine)).toEqual([]);
}

/** A runner on a device in this process. */
export const runnerOnNode = (gpu: Gpu): Promise<Runner> => makeRunner(gpu, (file) => readFile(at(file)));
