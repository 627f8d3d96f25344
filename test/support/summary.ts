/** Ends the output of a test run with what was left out, and why. */
import type { Reporter, TestModule } from "vitest/node";
import { everything, filesLeftOut, tags } from "./selection.ts";

declare module "vitest" {
  interface TaskMeta {
    /** Number of kernel variants that the test did not run, because each of them runs in another case. */
    variantsLeftOut?: number;
  }
}

/** For `reporters` in vitest's configuration. */
export const summary: Reporter = {
  onTestRunEnd(modules) {
    const lines = linesOf(modules);
    if (lines.length === 0) return;
    console.log(["Left out, for npm run test:all:", ...lines.map((line) => `  ${line}`), ""].join("\n"));
  },
};

function linesOf(modules: readonly TestModule[]): string[] {
  const tests = everything ? [] : modules.flatMap((module) => [...module.children.allTests()]);
  const variants = tests.reduce((sum, test) => sum + (test.meta().variantsLeftOut ?? 0), 0);
  return [
    ...tags.flatMap(({ name, description }) => {
      const count = tests.filter((test) => test.result().state === "skipped" && test.tags.includes(name)).length;
      return count > 0 ? [`${counted(count, "test")}: ${description}`] : [];
    }),
    ...(variants > 0 ? [`${counted(variants, "run")} of cases: further mixtures of kernels' variants`] : []),
    ...filesLeftOut.map(({ why, files }) => `${counted(files.length, "file")}: ${why}`),
  ];
}

const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? "" : "s"}`;
