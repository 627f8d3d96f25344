/** What a page is told where there is no GPU for it. Browsers without one are played by their `navigator`. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { DeviceLostError } from "../../src/gpu/gpu.ts";
import { AdapterError, KeptGpu, openGpu } from "../../src/web/open-gpu.ts";
import { openDawn } from "../../src/node/dawn.ts";

afterEach(() => vi.unstubAllGlobals());

const requestAdapter = (answer: () => Promise<unknown>) =>
  vi.stubGlobal("navigator", { gpu: { requestAdapter: vi.fn(answer) } });

describe("a page without a GPU", () => {
  test("is told whether the browser, the page or the driver lacks it", async () => {
    vi.stubGlobal("navigator", {});
    vi.stubGlobal("isSecureContext", true);
    await expect(openGpu()).rejects.toThrow(/^this browser has no WebGPU/);
    vi.stubGlobal("isSecureContext", false);
    await expect(openGpu()).rejects.toThrow("WebGPU needs a page that is served over https or from localhost");
    requestAdapter(() => Promise.resolve(null));
    await expect(openGpu()).rejects.toThrow(/^this browser finds no GPU that it may use/);
    requestAdapter(() => Promise.reject(new Error("blocked by policy")));
    const refused = openGpu();
    await expect(refused).rejects.toThrow("this browser refuses WebGPU: blocked by policy");
    await expect(refused).rejects.toThrow(AdapterError);
  });
});

test("a page with a GPU computes on it, and is not told of its own destroying it", async () => {
  const { adapter } = await openDawn();
  requestAdapter(() => Promise.resolve(adapter));
  const onLost = vi.fn();
  const gpu = await openGpu({ onLost });
  await gpu.idle();
  const { lost } = gpu.device;
  gpu.destroy();
  await lost;
  expect(onLost).not.toHaveBeenCalled();
});

test("a page whose device was lost, and that gets no other one, is told what to do", async () => {
  const { adapter } = await openDawn();
  requestAdapter(() => Promise.resolve(adapter));
  const kept = new KeptGpu();
  const gpu = await kept.open();
  expect(await kept.open()).toBe(gpu);
  vi.spyOn(gpu, "check").mockImplementation(() => {
    throw new DeviceLostError("its process ended");
  });
  requestAdapter(() => Promise.resolve(null));
  await expect(kept.open()).rejects.toThrow(
    /^the browser gives this page no GPU any more, as it was lost more than once: wait/,
  );
  await expect(kept.open()).rejects.toThrow(AdapterError);
});
