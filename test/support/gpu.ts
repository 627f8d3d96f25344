/** The device that a test file runs on. */
import { afterAll, beforeAll } from "vitest";
import type { Gpu, GpuOptions } from "../../src/gpu/gpu.ts";
import { openGpu } from "../../src/node/open-gpu.ts";

/** Opens a device before the tests of a file and destroys it after them. */
export function useGpu(options: Omit<GpuOptions, "wait"> = {}): () => Gpu {
  let gpu: Gpu | undefined;
  beforeAll(async () => {
    gpu = await openGpu(options);
  });
  afterAll(() => {
    // An error that nobody waited for must not pass unseen.
    gpu?.check();
    gpu?.destroy();
  });
  return () => gpu!;
}
