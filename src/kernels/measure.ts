/** Measures an adapter's peak rates, as a yardstick for the kernels. */
import type { ThreadGrid } from "../../shaders/lib/thread.ts";
import { copy, peak, PEAK_CHAINS } from "../../shaders/measure.wgsl.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { threadGrid, THREADS } from "./grid.ts";

export interface Measured {
  /** Multiply-adds on f32 values in registers, in GFLOP/s (a multiply-add counts as two). */
  gflops: number;
  /** Bytes read and written by a copy, in GB/s. */
  bandwidth: number;
}

const REPEATS = 15;

/** Medians of many repeats; takes about a second on a software adapter. */
export async function measure(gpu: Gpu): Promise<Measured> {
  const software = gpu.caps.adapterClass === "software";
  // Long enough to make submission negligible, short enough not to trip a watchdog.
  const threads = software ? 1 << 14 : 1 << 20;
  const iterations = 2048;
  const flops = threads * iterations * PEAK_CHAINS * 2;
  const bytes = software ? 32 << 20 : 128 << 20;
  const peakSeconds = await time(gpu, "peak", threads, 16 * threads, (grid) => peak(grid, iterations));
  const copySeconds = await time(gpu, "copy", bytes / 16, bytes, copy);
  return { gflops: flops / peakSeconds / 1e9, bandwidth: (2 * bytes) / copySeconds / 1e9 };
}

async function time(
  gpu: Gpu,
  label: string,
  items: number,
  bytes: number,
  code: (grid: ThreadGrid) => string,
): Promise<number> {
  const workgroups = threadGrid(items);
  const pipeline = await gpu.pipeline({ code: code({ items, threads: THREADS }), bindings: 2, uniform: false, label });
  const [x, y] = [gpu.createStorage(bytes, `${label} x`), gpu.createStorage(bytes, `${label} y`)];
  const bindGroup = gpu.device.createBindGroup({
    layout: gpu.bindGroupLayout(2),
    entries: [x, y].map((buffer, binding) => ({ binding, resource: { buffer } })),
  });
  const seconds: number[] = [];
  for (let repeat = -2; repeat < REPEATS; repeat++) {
    const encoder = gpu.device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    pass.dispatchWorkgroups(...workgroups);
    pass.end();
    const begun = performance.now();
    gpu.submit(encoder.finish());
    await gpu.idle();
    // The first runs also compile and touch the memory for the first time.
    if (repeat >= 0) seconds.push((performance.now() - begun) / 1000);
  }
  x.destroy();
  y.destroy();
  return seconds.sort((a, b) => a - b)[REPEATS >> 1]!;
}
