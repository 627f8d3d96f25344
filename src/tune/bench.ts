/** A test bench for one kernel: random data on which each of its variants can be run, checked and timed. */
import { alignUp, formatBytes, GpuError, type Gpu } from "../gpu/gpu.ts";
import { bytesOf, type Kernel, type HostValues, type Lowering, type OperandRef, type Spec } from "../kernels/kernel.ts";
import type { RandomData } from "./random-data.ts";

/** A variant ready to run. */
export interface Candidate {
  readonly lowering: Lowering;
  readonly steps: readonly {
    pipeline: GPUComputePipeline;
    bindGroup: GPUBindGroup;
    workgroups: readonly [number, number, number];
  }[];
}

/** Values of all outputs and updates, one after the other. */

/** A variant cannot run on this adapter, or a kernel's operands are too large for it. The message is one line. */
export class BenchError extends Error {
  override name = "BenchError";
}

export class Bench {
  readonly #gpu: Gpu;
  readonly #kernel: Kernel;
  readonly #data: RandomData;
  readonly #buffers: GPUBuffer[] = [];
  readonly #operands: Record<"input" | "output" | "update", GPUBuffer[]>;
  readonly #scratchBytes: number[] = [];
  readonly #scratch: readonly GPUBuffer[];

  private constructor(gpu: Gpu, kernel: Kernel, variants: readonly Lowering[], data: RandomData) {
    this.#gpu = gpu;
    this.#kernel = kernel;
    this.#data = data;
    const make = (specs: readonly Spec[]) => specs.map((spec) => this.#storage(bytesOf(spec)));
    this.#operands = { input: make(kernel.inputs), output: make(kernel.outputs), update: make(kernel.updates) };
    const limit = gpu.caps.maxBindingBytes;
    for (const { scratch } of variants) {
      for (const [k, bytes] of scratch.entries()) {
        if (bytes <= limit) this.#scratchBytes[k] = Math.max(this.#scratchBytes[k] ?? 16, bytes);
      }
    }
    this.#scratch = Array.from(this.#scratchBytes, (bytes: number | undefined = 16) => this.#storage(bytes));
  }

  /** @throws BenchError if an operand exceeds the adapter's limits or its memory */
  static async create(gpu: Gpu, kernel: Kernel, variants: readonly Lowering[], data: RandomData): Promise<Bench> {
    const largest = Math.max(...[...kernel.inputs, ...kernel.outputs, ...kernel.updates].map(bytesOf));
    if (largest > gpu.caps.maxBindingBytes) throw new BenchError(`an operand takes ${formatBytes(largest)}`);
    return guarded(gpu, () => {
      const bench = new Bench(gpu, kernel, variants, data);
      bench.#fill("input", kernel.inputs);
      return bench;
    });
  }

  /**
   * Compiles one of the variants.
   * @throws BenchError if the adapter refuses it
   */
  async prepare(lowering: Lowering): Promise<Candidate> {
    const gpu = this.#gpu;
    const { caps } = gpu;
    for (const bytes of lowering.scratch) {
      if (bytes > caps.maxBindingBytes) throw new BenchError(`its scratch memory takes ${formatBytes(bytes)}`);
    }
    const compiled = lowering.dispatches.map(({ code, bindings, label, params }) => {
      if (bindings.length > caps.maxStorageBuffers) {
        throw new BenchError(`it binds ${bindings.length} storage buffers, of ${caps.maxStorageBuffers} allowed`);
      }
      return guarded(gpu, () => {
        const shader = { code, bindings: bindings.length, uniform: params !== undefined, label };
        const pipeline = gpu.pipeline(shader);
        pipeline.catch(() => {}); // Awaited below, where an earlier one may fail first.
        return { pipeline };
      });
    });
    const pipelines: GPUComputePipeline[] = [];
    for (const pending of await Promise.all(compiled)) {
      pipelines.push(
        await pending.pipeline.catch((error: unknown) => {
          throw new BenchError(oneLine(error), { cause: error });
        }),
      );
    }
    return guarded(gpu, () => {
      const steps = lowering.dispatches.map(({ bindings, params, workgroups }, i) => {
        const entries: GPUBindGroupEntry[] = bindings.map((ref, binding) => {
          return { binding, resource: this.#region(ref, lowering) };
        });
        if (params) {
          const size = alignUp(4 * params.length, 16);
          const buffer = gpu.createBuffer(size, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST, "sizes");
          this.#buffers.push(buffer);
          gpu.device.queue.writeBuffer(buffer, 0, Uint32Array.from(params));
          entries.push({ binding: bindings.length, resource: { buffer, size } });
        }
        const layout = gpu.bindGroupLayout(bindings.length, params !== undefined);
        const bindGroup = gpu.device.createBindGroup({ layout, entries });
        return { pipeline: pipelines[i]!, bindGroup, workgroups };
      });
      return { lowering, steps };
    });
  }

  /**
   * Runs a variant once, on memory that holds nothing that could pass for a result, and returns what it computed.
   * @throws BenchError if the adapter refuses it
   */
  async compute(candidate: Candidate): Promise<HostValues> {
    const gpu = this.#gpu;
    const { outputs, updates } = this.#kernel;
    await guarded(gpu, () => {
      for (const buffer of [...this.#operands.output, ...this.#scratch]) this.#data.poison(buffer);
      this.#fill("update", updates);
      const encoder = gpu.device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      encode(pass, candidate);
      pass.end();
      gpu.submit(encoder.finish());
    });
    const results: (Float32Array | Uint32Array)[] = [];
    for (const [role, specs] of [
      ["output", outputs],
      ["update", updates],
    ] as const) {
      for (const [i, spec] of specs.entries()) {
        const bytes = await gpu.read(this.#operands[role][i]!, 0, bytesOf(spec));
        results.push(spec.dtype === "u32" ? new Uint32Array(bytes) : new Float32Array(bytes));
      }
    }
    return results;
  }

  destroy(): void {
    for (const buffer of this.#buffers) buffer.destroy();
  }

  #storage(bytes: number): GPUBuffer {
    const buffer = this.#gpu.createStorage(bytes, "tuning");
    this.#buffers.push(buffer);
    return buffer;
  }

  #fill(role: "input" | "update", specs: readonly Spec[]): void {
    for (const [i, { dtype }] of specs.entries())
      this.#data.fill(this.#operands[role][i]!, dtype, role === "input" ? i : 100 + i);
  }

  #region({ role, index }: OperandRef, lowering: Lowering): GPUBufferBinding {
    const buffer = role === "scratch" ? this.#scratch[index]! : this.#operands[role][index]!;
    // As large as in a plan, so that a variant that oversteps it is caught here too.
    return role === "scratch" ? { buffer, size: alignUp(Math.max(lowering.scratch[index]!, 16), 16) } : { buffer };
  }
}

/** Encodes all dispatches of a variant. */
export function encode(pass: GPUComputePassEncoder, { steps }: Candidate): void {
  for (const { pipeline, bindGroup, workgroups } of steps) {
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    pass.dispatchWorkgroups(...workgroups);
  }
}

/**
 * Runs `use`, which must not await anything, and waits for the device's verdict.
 * @throws BenchError with what the device objects to; the device stays usable
 */
async function guarded<T>(gpu: Gpu, use: () => T): Promise<T> {
  const kinds = ["validation", "out-of-memory"] as const;
  for (const kind of kinds) gpu.device.pushErrorScope(kind);
  let result: { value: T } | { error: unknown };
  try {
    result = { value: use() };
  } catch (error) {
    result = { error };
  }
  const verdicts = kinds.map(() => gpu.device.popErrorScope());
  const [found] = (await gpu.wait(Promise.all(verdicts))).filter((error) => error !== null);
  if (found) throw new BenchError(oneLine(found));
  if ("value" in result) return result.value;
  if (result.error instanceof GpuError) throw new BenchError(oneLine(result.error), { cause: result.error });
  throw result.error;
}

function oneLine(error: unknown): string {
  const { message } = error as { message: string };
  return message.split("\n", 1)[0]!.slice(0, 200);
}
