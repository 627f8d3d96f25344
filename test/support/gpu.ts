/** Provides the device that a test file runs on. */
import { afterAll, beforeAll } from "vitest";
import type { Restrictions } from "../../src/gpu/capabilities.ts";
import type { Gpu } from "../../src/gpu/gpu.ts";
import { openGpu } from "../../src/node/open-gpu.ts";

/** Opens a device before the tests of a file and destroys it after them. */
export function useGpu(restrictions: Restrictions = {}): () => Gpu {
  let gpu: Gpu | undefined;
  beforeAll(async () => {
    gpu = await openGpu(restrictions);
  });
  afterAll(() => {
    // An error that nobody awaited must not go unnoticed.
    gpu?.check();
    gpu?.destroy();
  });
  return () => gpu!;
}
