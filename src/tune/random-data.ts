/** Random values for operands, made once and copied on the device. */
import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import type { Gpu } from "../gpu/gpu.ts";
import type { DType } from "../kernels/kernel.ts";

/** Elements of the pool. A prime: a long tensor repeats it, but no two of its rows, images or channels are alike. */
const POOL_ELEMENTS = 262_147;
/** Where in the pool the operands begin. */
const OPERAND_STRIDE = 10_007;

export class RandomData {
  readonly #gpu: Gpu;
  readonly #pools: Record<DType | "poison", GPUBuffer>;

  constructor(gpu: Gpu) {
    this.#gpu = gpu;
    const generator = xoroshiro128plus(1);
    const random = () => uniformFloat64(generator);
    const pool = (name: string, values: Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>) => {
      const buffer = gpu.createStorage(values.byteLength, name);
      gpu.device.queue.writeBuffer(buffer, 0, values);
      return buffer;
    };
    this.#pools = {
      f32: pool(
        "random numbers",
        new Float32Array(POOL_ELEMENTS).map(() => 2 * random() - 1),
      ),
      // 0 and 1 are always valid, as a class and as the index of a window's maximum.
      u32: pool(
        "random bits",
        new Uint32Array(POOL_ELEMENTS).map(() => Math.round(random())),
      ),
      poison: pool("no numbers", new Uint32Array(POOL_ELEMENTS).fill(0xffffffff)),
    };
  }

  /** Fills `buffer` with numbers from -1 to 1, or with 0 and 1 where it holds u32; `seed` tells operands apart. */
  fill(buffer: GPUBuffer, dtype: DType, seed: number): void {
    this.#copy(this.#pools[dtype], buffer, (seed * OPERAND_STRIDE) % POOL_ELEMENTS);
  }

  /** Fills `buffer` with NaN, 2^32 - 1 as u32. */
  poison(buffer: GPUBuffer): void {
    this.#copy(this.#pools.poison, buffer, 0);
  }

  destroy(): void {
    for (const pool of Object.values(this.#pools)) pool.destroy();
  }

  #copy(pool: GPUBuffer, buffer: GPUBuffer, begin: number): void {
    const encoder = this.#gpu.device.createCommandEncoder();
    let from = 4 * begin;
    for (let at = 0; at < buffer.size;) {
      const bytes = Math.min(4 * POOL_ELEMENTS - from, buffer.size - at);
      encoder.copyBufferToBuffer(pool, from, buffer, at, bytes);
      at += bytes;
      from = 0;
    }
    this.#gpu.submit(encoder.finish());
  }
}
