/**
 * Compiles shaders before their first dispatch, several at a time. lavapipe generates machine code only at that dispatch, on
 * the single thread of the device's queue, while all other work waits. Separate devices do it here; the training device finds
 * the code in Mesa's cache on disk.
 */
import { availableParallelism } from "node:os";
import { Gpu, type Precompile } from "../gpu/gpu.ts";
import type { Shader } from "../gpu/shader.ts";
import { openDawn, type DawnOptions } from "./dawn.ts";
import { waitResting } from "./wait.ts";

const MOST_DEVICES = 4;
/** A shader ready within this many milliseconds must have come from the cache. */
const CACHED = 8;
/** After this many consecutive cache hits, the rest is assumed to be cached too. */
const CONVINCING = 5;
/** The smallest bindable range, and its alignment. */
const RANGE = 256;

/** Hands each distinct source on once. */
export function onceEach(precompile: Precompile): Precompile {
  const begun = new Set<string>();
  return async (shaders, options) => {
    const fresh = [...new Map(shaders.map((shader) => [shader.code, shader])).values()].filter(
      ({ code }) => !begun.has(code),
    );
    for (const { code } of fresh) begun.add(code);
    if (fresh.length > 0) await precompile(fresh, options);
  };
}

/** For `GpuOptions.precompile`: errors are left for the device that uses the shaders. */
export const precompiler = (options: DawnOptions): Precompile =>
  onceEach(async (shaders, { background, signal }) => {
    if (process.env["MESA_SHADER_CACHE_DISABLE"]) return;
    // Longest first, so that no long one is left for a single device at the end.
    const queue = [...shaders].sort((a, b) => b.code.length - a.code.length);
    const devices = background ? 1 : Math.min(MOST_DEVICES, availableParallelism(), queue.length);
    const work = async () => {
      // Without validation, zero workgroups can be dispatched silently.
      const { adapter } = await openDawn({ ...options, toggles: ["skip_validation"] });
      const gpu = await Gpu.create(adapter, { wait: waitResting });
      try {
        let cached = 0;
        for (let next = queue.shift(); next && cached < CONVINCING && !signal.aborted; next = queue.shift()) {
          cached = (await compile(gpu, next)) < CACHED ? cached + 1 : 0;
        }
      } finally {
        gpu.destroy();
      }
    };
    await Promise.allSettled(Array.from({ length: devices }, work));
  });

/** Makes the driver compile a shader with an empty dispatch. @returns the time it took in milliseconds */
async function compile(gpu: Gpu, { code, bindings, label, uniform }: Shader): Promise<number> {
  // Without validation Dawn would continue with a module that has errors, and crash.
  const { messages } = await gpu.device.createShaderModule({ code }).getCompilationInfo();
  if (messages.some(({ type }) => type === "error")) return Infinity;
  const pipeline = await gpu.pipeline({ code, bindings, label, uniform });
  const ranges = bindings + (uniform ? 1 : 0);
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.UNIFORM;
  const buffer = gpu.createBuffer(RANGE * ranges, usage, "nothing");
  const bindGroup = gpu.device.createBindGroup({
    layout: gpu.bindGroupLayout(bindings, uniform),
    entries: Array.from({ length: ranges }, (_, binding) => {
      return { binding, resource: { buffer, offset: RANGE * binding, size: RANGE } };
    }),
  });
  const encoder = gpu.device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, bindGroup);
  pass.dispatchWorkgroups(0);
  pass.end();
  const begun = performance.now();
  gpu.submit(encoder.finish());
  await gpu.idle();
  buffer.destroy();
  return performance.now() - begun;
}
