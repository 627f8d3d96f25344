/** Finds out what WebGPU does not report: whether so much memory can be had. */
import type { Gpu } from "./gpu.ts";

/** Whether the device can allocate this many bytes; frees them at once. @throws GpuError if it fails altogether */
export async function hasMemory(gpu: Gpu, bytes: number): Promise<boolean> {
  const page = Math.floor(gpu.caps.maxBufferBytes / 16) * 16;
  const buffers: GPUBuffer[] = [];
  gpu.device.pushErrorScope("out-of-memory");
  for (let left = bytes; left > 0; left -= page) buffers.push(gpu.createStorage(Math.min(left, page), "probe"));
  const error = await gpu.device.popErrorScope().catch(async (cause: unknown) => {
    // Says why, if the device is lost.
    await gpu.idle();
    throw cause;
  });
  for (const buffer of buffers) buffer.destroy();
  return error === null;
}
