/** What a page is told where there is no GPU for it. Browsers without one are played by their `navigator`. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { DeviceLostError, GpuError } from "../../src/gpu/gpu.ts";
import { AdapterError, openGpu } from "../../src/web/open-gpu.ts";
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

describe("a page with a GPU", () => {
  const open = async (lost?: Promise<GPUDeviceLostInfo>) => {
    const { adapter } = await openDawn();
    const onLost = vi.fn();
    requestAdapter(() =>
      Promise.resolve(
        lost === undefined
          ? adapter
          : // Dawn's own devices cannot be lost at will.
            new Proxy(adapter, {
              get(target, key) {
                const value: unknown = Reflect.get(target, key);
                if (key !== "requestDevice") return typeof value === "function" ? value.bind(target) : value;
                return async (descriptor: GPUDeviceDescriptor) => {
                  const device = await target.requestDevice(descriptor);
                  Object.defineProperty(device, "lost", { value: lost });
                  return device;
                };
              },
            }),
      ),
    );
    return { gpu: await openGpu({ onLost }), onLost };
  };

  test("computes on it, and is not told of its own destroying it", async () => {
    const { gpu, onLost } = await open();
    await gpu.idle();
    const { lost } = gpu.device;
    gpu.destroy();
    await lost;
    expect(onLost).not.toHaveBeenCalled();
  });

  test("is told once when the browser takes it away", async () => {
    const { promise, resolve } = ((): { promise: Promise<GPUDeviceLostInfo>; resolve: (i: unknown) => void } => {
      let settle: (info: unknown) => void = () => {};
      const promised = new Promise((done) => (settle = done));
      return { promise: promised as Promise<GPUDeviceLostInfo>, resolve: settle };
    })();
    const { gpu, onLost } = await open(promise);
    gpu.check();
    resolve({ reason: "unknown", message: "the driver was reset" });
    await promise;
    await Promise.resolve();
    expect(onLost.mock.calls).toEqual([[expect.any(DeviceLostError)]]);
    const [[error]] = onLost.mock.calls as [[DeviceLostError]];
    expect(error.message).toBe("the GPU device was lost (the driver was reset); unsaved work is lost");
    expect(() => gpu.check()).toThrow(GpuError);
    gpu.destroy();
  });
});
