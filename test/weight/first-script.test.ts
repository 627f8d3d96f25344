/** On a GPU, the first script of a page is all that a small network needs: it is run here as it is built, and nothing else is there. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { openDawn } from "../../src/node/dawn.ts";
import { temporaryFolder } from "../cli/support.ts";
import type * as Cnn from "./cnn.ts";
import { atOnce, scriptsOf } from "./scripts.ts";

const folder = temporaryFolder();
let train: typeof Cnn.train;

beforeAll(async () => {
  // A page's own script, which nothing imports, may have further exports for the scripts that are loaded later.
  const scripts = await scriptsOf(false, "test/weight/cnn.ts", { preserveEntrySignatures: "allow-extension" });
  const [script, ...others] = atOnce(scripts);
  expect(others).toEqual([]);
  const file = path.join(folder, "first.mjs");
  writeFileSync(file, script!.code);
  ({ train } = (await import(pathToFileURL(file).href)) as typeof Cnn);
});

/** Offers the page this machine's adapter, which says of itself that it is another. */
async function offer(info: Partial<GPUAdapterInfo>): Promise<void> {
  const { adapter } = await openDawn();
  const { features, limits, info: own } = adapter;
  const { vendor, architecture, device, description, subgroupMinSize, subgroupMaxSize, isFallbackAdapter } = own;
  const offered = {
    features,
    limits,
    info: { vendor, architecture, device, description, subgroupMinSize, subgroupMaxSize, isFallbackAdapter, ...info },
    requestDevice: (wanted: GPUDeviceDescriptor) => adapter.requestDevice(wanted),
  };
  vi.stubGlobal("navigator", { gpu: { requestAdapter: () => Promise.resolve(offered) } });
}
afterEach(() => {
  vi.unstubAllGlobals();
});

/** Squares at the left are of class 0, at the right of class 1. */
const image = Float32Array.from({ length: 8 * 784 }, (_, i) => {
  const [n, x] = [Math.floor(i / 784), i % 28];
  return n % 2 === Math.floor(x / 14) ? 1 : 0;
});
const batch = { image, label: Uint32Array.from({ length: 8 }, (_, n) => n % 2) };

describe("the first script of a page, without those that it may load later", () => {
  it("trains, saves, loads and predicts on a GPU", async () => {
    await offer({ vendor: "intel", architecture: "xe", device: "", description: "", isFallbackAdapter: false });
    const { losses, file, logits } = await train(Array.from({ length: 12 }, () => batch));
    expect(losses).toHaveLength(12);
    expect(losses.at(-1)!).toBeLessThan(losses[0]! / 4);
    expect(file.length).toBeGreaterThan(4 * 32 * 16 * 9);
    const found = Array.from({ length: 8 }, (_, n) => (logits[10 * n]! > logits[10 * n + 1]! ? 0 : 1));
    expect(found).toEqual([...batch.label]);
  });

  it("asks for another on a software adapter", async () => {
    await offer({ description: "SwiftShader" });
    // Vite's way to load a script begins with the page's document.
    await expect(train([batch])).rejects.toThrow("document is not defined");
  });
});
