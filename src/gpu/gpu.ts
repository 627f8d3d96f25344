/** The WebGPU device: the only code that touches `GPUDevice`. */
/// <reference lib="esnext.disposable" preserve="true" />
import type { Shader } from "./shader.ts";
import { featuresOf, readCapabilities, type Capabilities, type Restrictions } from "./capabilities.ts";
import { pinSubgroupSize } from "./subgroups.ts";

/**
 * What went wrong, for programs:
 * - `no-adapter`, `no-device`: there is nothing to compute on
 * - `limit`: a tensor or buffer is larger than this adapter allows
 * - `shader`: a kernel does not compile
 * - `plan`: a graph cannot be compiled or a plan not run as asked
 * - `elsewhere`: values were changed on another device
 * - `out-of-memory`: while a plan is compiled, of that plan alone: the device can still be used. While one runs, of the device
 * - `lost`, `destroyed`: the device is gone
 * - `device`: the device reported an error that is nobody's; what it computes can no longer be trusted
 */
export type GpuErrorCode =
  | "no-adapter"
  | "no-device"
  | "limit"
  | "shader"
  | "plan"
  | "elsewhere"
  | "out-of-memory"
  | "lost"
  | "destroyed"
  | "device";

/** Something went wrong on the device: a validation error, failed allocation, or a lost device. */
export class GpuError extends Error {
  override name = "GpuError";
  readonly code: GpuErrorCode;

  constructor(code: GpuErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The adapter is out of memory. The message is for the user. */
export class OutOfMemoryError extends GpuError {
  override name = "OutOfMemoryError";

  constructor(cause: unknown) {
    super("out-of-memory", "out of GPU memory: use a smaller batch, size or width", { cause });
  }
}

const NO_REASON = "the driver gave no reason";

/** The device is gone. The message is for the user. */
export class DeviceLostError extends GpuError {
  override name = "DeviceLostError";

  constructor(why: string) {
    super("lost", `the GPU device was lost (${why || NO_REASON}); unsaved work is lost`);
  }
}

/** Calls to the device so far. Tests require one submit and no new buffer per training step. */
export interface Counters {
  buffers: number;
  submits: number;
  dispatches: number;
  pipelines: number;
}

/** Compiles shaders ahead of their use, each source once; in the background, without taking more than one core. */
export type Precompile = (
  shaders: readonly Shader[],
  options: { background: boolean; signal: AbortSignal },
) => Promise<unknown>;

/** How a device is opened. */
export interface GpuOptions extends Restrictions {
  /** For drivers that otherwise compile a shader when it is first dispatched; used on software adapters only. */
  precompile?: Precompile | undefined;
  /** How to wait for one of the device's promises, where awaiting it would keep a core busy, as with Dawn on Node. */
  wait?: <T>(promise: Promise<T>) => Promise<T>;
}

/** Of these a device has as much as its adapter. */
const LIMITS = [
  "maxStorageBufferBindingSize",
  "maxBufferSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
] as const;

/**
 * A device: its pipelines, buffers and submits, and what the adapter can do. `openGpu` of `mganet-webgpu/node` or `/web` opens one;
 * `Gpu.create` takes an adapter that the caller has.
 */
export class Gpu {
  readonly device: GPUDevice;
  readonly info: GPUAdapterInfo;
  readonly caps: Capabilities;
  /** The adapter's name, for people and records. */
  get name(): string {
    const { description, device, vendor, architecture } = this.info;
    // Browsers hide description and device.
    return description || device || [vendor, architecture].filter(Boolean).join(" ") || "unknown adapter";
  }
  /** Waits for one of the device's promises. */
  readonly wait: <T>(promise: Promise<T>) => Promise<T>;
  readonly counters: Counters = { buffers: 0, submits: 0, dispatches: 0, pipelines: 0 };
  readonly #pipelines = new Map<string, Promise<GPUComputePipeline>>();
  readonly #precompile: Precompile | undefined;
  readonly #closing = new AbortController();
  readonly #layouts = new Map<string, GPUBindGroupLayout>();
  #failure: GpuError | undefined;

  private constructor(device: GPUDevice, info: GPUAdapterInfo, options: GpuOptions) {
    this.device = device;
    this.info = info;
    this.wait = options.wait ?? ((promise) => promise);
    this.#precompile = options.precompile;
    this.caps = readCapabilities(device, info, options);
    device.onuncapturederror = (event) => {
      const { error } = event;
      this.#failure ??= reported(error);
      // Some implementations also print the error unless the event is handled.
      event.preventDefault();
    };
    void device.lost.then((lost) => {
      if (!this.#closing.signal.aborted) this.#failure ??= new DeviceLostError(lost.message || lost.reason);
    });
  }

  /**
   * Opens a device with every useful feature and the highest limits that `adapter` offers, unless told otherwise.
   * @param adapter as from `await navigator.gpu.requestAdapter()`; an adapter gives one device
   * @throws GpuError if there is no adapter, or it gives no device
   */
  static async create(adapter: GPUAdapter | null | undefined, options: GpuOptions = {}): Promise<Gpu> {
    if (!adapter) {
      throw new GpuError(
        "no-adapter",
        "no GPU adapter: requestAdapter() returned null. In a browser, openGpu() from mganet-webgpu/web says why; on Node, use openGpu() " +
          "from mganet-webgpu/node",
      );
    }
    // TypeScript's list of WebGPU features lacks the newest.
    const requiredFeatures = featuresOf(adapter, options) as GPUFeatureName[];
    const requiredLimits = Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]]));
    const device = await adapter
      .requestDevice({ requiredFeatures, ...(options.defaultLimits ? {} : { requiredLimits }) })
      .catch((error: unknown) => {
        const reason = error instanceof Error && error.message ? error.message : String(error);
        throw new GpuError("no-device", `the adapter returned no device (it can be used only once): ${reason}`, {
          cause: error,
        });
      });
    return new Gpu(device, adapter.info, options);
  }

  /** Throws the first error that the device reported, if any, or one that says it was destroyed. */
  check(): void {
    if (this.#failure) throw this.#failure;
    if (this.#closing.signal.aborted)
      throw new GpuError("destroyed", "the device was destroyed: its Gpu's destroy() was called");
  }

  /**
   * A buffer of the device, which counts in `counters`.
   * @param bytes its size
   * @param label its name in errors
   */
  createBuffer(bytes: number, usage: GPUBufferUsageFlags, label: string): GPUBuffer {
    if (bytes > this.caps.maxBufferBytes) {
      throw new GpuError(
        "limit",
        `${label} needs a buffer of ${formatBytes(bytes)}, more than this adapter's ${formatBytes(this.caps.maxBufferBytes)}`,
      );
    }
    this.counters.buffers++;
    return this.device.createBuffer({ size: alignUp(Math.max(bytes, 16), 16), usage, label });
  }

  /**
   * Runs `make`, which creates things on the device, and waits whether the device could: what it reports counts against these things alone.
   * @throws GpuError; what was made is handed to `undo` then
   */
  async attempt<T>(make: () => T, undo: (made: T) => void): Promise<T> {
    const { made, error } = this.#scoped(make);
    const found = await error;
    if (found) {
      undo(made);
      throw found;
    }
    return made;
  }

  /** Errors that the device finds in what `make` creates are not the device's, but come back with it. */
  #scoped<T>(make: () => T): { made: T; error: Promise<GpuError | undefined> } {
    const { device } = this;
    for (const filter of ["validation", "out-of-memory"] as const) device.pushErrorScope(filter);
    let made: T;
    let error: Promise<GpuError | undefined>;
    try {
      made = make();
    } finally {
      // Of a device that is lost meanwhile `check` tells.
      const popped = Promise.all([device.popErrorScope(), device.popErrorScope()]);
      error = this.wait(popped).then(
        (errors) => errors.filter((one) => one !== null).map(reported)[0],
        () => undefined,
      );
    }
    return { made, error };
  }

  /** A buffer that kernels read and write, and that can be filled from and copied to the host. */
  createStorage(bytes: number, label: string): GPUBuffer {
    return this.createBuffer(bytes, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST, label);
  }

  /** Compiles shaders that the driver would otherwise compile at their first dispatch. */
  async precompile(shaders: readonly Shader[], { background = false } = {}): Promise<void> {
    if (this.caps.adapterClass !== "software") return;
    await this.#precompile?.(shaders, { background, signal: this.#closing.signal });
  }

  /** The pipeline of a shader; compiled once per distinct source. */
  pipeline(shader: Shader): Promise<GPUComputePipeline> {
    const { code, bindings, uniform } = shader;
    let pipeline = this.#pipelines.get(code);
    if (!pipeline) {
      this.counters.pipelines++;
      const { subgroupSize, pinsSubgroupSize } = this.caps;
      const pinned = pinsSubgroupSize ? pinSubgroupSize(code, subgroupSize!) : code;
      pipeline = this.#compile({ ...shader, code: pinned }, this.bindGroupLayout(bindings, uniform));
      this.#pipelines.set(code, pipeline);
      // Compiled anew by the next plan that asks: what failed may have been memory.
      pipeline.catch(() => this.#pipelines.delete(code));
    }
    return pipeline;
  }

  async #compile(shader: Shader, group: GPUBindGroupLayout): Promise<GPUComputePipeline> {
    const { device } = this;
    const { code, label } = shader;
    const { made, error: invalid } = this.#scoped(() => {
      const module = device.createShaderModule({ code, label });
      return { module, layout: device.createPipelineLayout({ bindGroupLayouts: [group] }) };
    });
    const { module, layout } = made;
    try {
      const compute = { module, entryPoint: "main" };
      return await this.wait(device.createComputePipelineAsync({ label, layout, compute }));
    } catch (error) {
      await this.#requireDevice();
      const { messages } = await module.getCompilationInfo();
      // The pipeline only says that the shader is invalid.
      const why = ((await invalid) ?? (error as Error)).message;
      const { explain } = await import("./shader-error.ts").catch(() => ({ explain: () => why }));
      const message = `shader ${label} does not compile: ${explain(shader, messages, why)}`;
      throw new GpuError("shader", message, { cause: error });
    }
  }

  /**
   * All bindings are writable storage, so that one arena buffer can serve a kernel's reads and writes at once, in
   * disjoint ranges: WebGPU forbids mixing read-only and writable bindings of one buffer.
   */
  bindGroupLayout(bindings: number, uniform = false): GPUBindGroupLayout {
    const key = `${bindings} ${uniform}`;
    let layout = this.#layouts.get(key);
    if (!layout) {
      const types = [
        ...Array.from({ length: bindings }, () => "storage" as const),
        ...(uniform ? ["uniform" as const] : []),
      ];
      const entries = types.map((type, binding) => {
        return { binding, visibility: GPUShaderStage.COMPUTE, buffer: { type } };
      });
      layout = this.device.createBindGroupLayout({ entries });
      this.#layouts.set(key, layout);
    }
    return layout;
  }

  /** Fills a part of a buffer; `values` may be changed afterwards. */
  write(buffer: GPUBuffer, offset: number, values: Float32Array | Uint32Array): void {
    // Dawn for Node crashes on memory shared between threads.
    const own = values.buffer instanceof ArrayBuffer ? values : values.slice();
    this.device.queue.writeBuffer(buffer, offset, own as Float32Array<ArrayBuffer>);
  }

  /** Hands commands to the device's queue; counts in `counters`. */
  submit(commands: GPUCommandBuffer): void {
    this.counters.submits++;
    this.device.queue.submit([commands]);
  }

  /** Copies `bytes` of a buffer to the host. */
  async read(buffer: GPUBuffer, offset: number, bytes: number): Promise<ArrayBuffer> {
    this.check();
    const size = alignUp(bytes, 4);
    const staging = this.createBuffer(size, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST, "read");
    const encoder = this.device.createCommandEncoder();
    encoder.copyBufferToBuffer(buffer, offset, staging, 0, size);
    this.submit(encoder.finish());
    await this.map(staging, size);
    this.check();
    const copy = staging.getMappedRange(0, size).slice(0, bytes);
    staging.destroy();
    return copy;
  }

  /** Waits until the first `bytes` of a buffer can be read. @throws GpuError that says why they never will be */
  async map(buffer: GPUBuffer, bytes?: number): Promise<void> {
    await this.#answered(() => buffer.mapAsync(GPUMapMode.READ, 0, bytes));
  }

  /** Waits until all submitted work is done. */
  async idle(): Promise<void> {
    await this.#answered(() => this.device.queue.onSubmittedWorkDone());
    this.check();
  }

  /** The device rejects promises without a reason; the reason arrives separately, a moment later. @throws GpuError if there is one */
  async #requireDevice(): Promise<void> {
    await Promise.race([this.device.lost, new Promise((resolve) => setTimeout(resolve, 100))]);
    this.check();
  }

  async #answered(ask: () => Promise<unknown>): Promise<void> {
    try {
      await this.wait(ask());
    } catch (error) {
      await this.#requireDevice();
      const { message } = error as Error;
      throw new GpuError("device", `the results cannot be read: ${message || NO_REASON}`, { cause: error });
    }
  }

  /** Destroys the device. Any later use of it, or of its plans, throws. */
  destroy(): void {
    this.#closing.abort();
    this.device.destroy();
  }

  /** As `destroy`, for `using`. */
  [Symbol.dispose](): void {
    this.destroy();
  }
}

/** What the device says of itself, or of what was made in a scope. */
const reported = (error: GPUError): GpuError =>
  error instanceof GPUOutOfMemoryError
    ? new OutOfMemoryError(error)
    : new GpuError("device", error.message || "the device reported an error without a message");

export const alignUp = (n: number, to: number): number => Math.ceil(n / to) * to;

/** 12345678 -> "11.8 MiB". */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
