/** What the adapter can do at best, by the best of many measurements. */
import type { Gpu } from "../src/gpu/gpu.ts";
import { measure } from "../src/kernels/measure.ts";
import type { Results } from "./results.ts";

/**
 * lavapipe deals a dispatch out to its threads beforehand, and on a shared machine one of them may be slow for seconds: two
 * measurements of the peak differ by a factor of up to two. So it is measured again after each benchmark, and the best counts.
 */
export class Yardstick {
  readonly #gpu: Gpu;
  /** GFLOP/s. */
  #peak = 0;
  /** GB/s. */
  #bandwidth = 0;

  constructor(gpu: Gpu) {
    this.#gpu = gpu;
  }

  /** What an earlier part of the same run found counts, too. */
  atLeast({ peak, environment }: Results): void {
    this.#peak = Math.max(this.#peak, peak);
    this.#bandwidth = Math.max(this.#bandwidth, environment.copyGBs);
  }

  async measure(): Promise<{ peak: number; bandwidth: number }> {
    const { gflops, bandwidth } = await measure(this.#gpu);
    this.#peak = Math.max(this.#peak, gflops);
    this.#bandwidth = Math.max(this.#bandwidth, bandwidth);
    return { peak: this.#peak, bandwidth: this.#bandwidth };
  }
}

/** The results with another peak and copy bandwidth. */
export function byPeak(file: Results, peak: number, bandwidth: number): Results {
  const results = file.results.map(({ ours, ...rest }) => ({
    ...rest,
    ours: {
      ...ours,
      peakFraction: ours.gflops / peak,
      ...(ours.gbs === undefined ? {} : { copyFraction: ours.gbs / bandwidth }),
    },
  }));
  return { ...file, peak, environment: { ...file.environment, copyGBs: Number(bandwidth.toPrecision(3)) }, results };
}
