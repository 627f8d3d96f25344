/** Times variants of a kernel side by side. */
import type { Gpu } from "../gpu/gpu.ts";
import { encode, type Candidate } from "./bench.ts";

/** One candidate and how often it runs in a row. */
export interface Sample {
  readonly candidate: Candidate;
  readonly times: number;
}

export interface Timer {
  /** The least milliseconds that one sample should take, for the clock to resolve it. */
  readonly least: number;
  /** Runs the samples one after the other; milliseconds of one execution of each. */
  measure(samples: readonly Sample[]): Promise<number[]>;
  destroy(): void;
}

/** By timestamps on the device, where the adapter has them; else by submitting and waiting. `most`: samples at a time. */
export function createTimer(gpu: Gpu, most: number): Timer {
  return gpu.caps.timestamps ? byTimestamps(gpu, most) : bySubmits(gpu);
}

function byTimestamps(gpu: Gpu, most: number): Timer {
  const querySet = gpu.device.createQuerySet({ type: "timestamp", count: 2 * most });
  const usage = GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC;
  const resolved = gpu.createBuffer(16 * most, usage, "timestamps");
  return {
    least: 0.5,
    async measure(samples) {
      const encoder = gpu.device.createCommandEncoder();
      for (const [i, { candidate, times }] of samples.entries()) {
        const pass = encoder.beginComputePass({
          timestampWrites: { querySet, beginningOfPassWriteIndex: 2 * i, endOfPassWriteIndex: 2 * i + 1 },
        });
        for (let k = 0; k < times; k++) encode(pass, candidate);
        pass.end();
      }
      encoder.resolveQuerySet(querySet, 0, 2 * samples.length, resolved, 0);
      gpu.submit(encoder.finish());
      const stamps = new BigUint64Array(await gpu.read(resolved, 0, 16 * samples.length));
      return samples.map(({ times }, i) => Number(stamps[2 * i + 1]! - stamps[2 * i]!) / 1e6 / times);
    },
    destroy() {
      querySet.destroy();
      resolved.destroy();
    },
  };
}

function bySubmits(gpu: Gpu): Timer {
  return {
    // Waiting has a granularity of a millisecond on Node.
    least: 10,
    async measure(samples) {
      const durations: number[] = [];
      await gpu.idle();
      for (const { candidate, times } of samples) {
        const encoder = gpu.device.createCommandEncoder();
        const pass = encoder.beginComputePass();
        for (let k = 0; k < times; k++) encode(pass, candidate);
        pass.end();
        const begun = performance.now();
        gpu.submit(encoder.finish());
        await gpu.idle();
        durations.push((performance.now() - begun) / times);
      }
      return durations;
    },
    destroy() {},
  };
}
