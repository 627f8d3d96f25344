/** The kernels in a browser: Chromium with its software adapter, SwiftShader, which has four lanes and no f16. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chromiumFor, openPage, type OpenPage } from "../support/chromium.ts";
import { kernelSuite, robust } from "../support/kernel-suite.ts";
import type { Runner } from "../support/runner.ts";

const { leftOut, required } = chromiumFor("The kernels are not tested in a browser");

describe.skipIf(leftOut)("in Chromium, on SwiftShader", () => {
  let opened: OpenPage;
  let runner: Runner;

  beforeAll(async () => {
    opened = await openPage(required());
    const { page } = opened;
    runner = {
      op: (...given) => page.evaluate(async ([op, name, which]) => (await suite).runner.op(op, name, which), given),
      network: (given) => page.evaluate(async (name) => (await suite).runner.network(name), given),
    };
  });
  afterAll(async () => (opened as typeof opened | undefined)?.close());

  it("has four lanes and no f16", async () => {
    const { page } = opened;
    expect(await page.evaluate(async () => (await suite).gpu.info.architecture)).toBe("swiftshader");
    const caps = await page.evaluate(async () => (await suite).gpu.caps);
    expect(caps).toMatchObject({ adapterClass: "software", subgroupSize: 4, f16: false });
  });

  kernelSuite(() => runner, { whole: robust, cases: 2, sample: 8 });

  it("reports no error after all that", async () => {
    await opened.page.evaluate(async () => (await suite).gpu.idle());
    expect(opened.errors).toEqual([]);
  });
});
