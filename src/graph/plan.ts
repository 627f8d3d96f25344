/** A compiled step: one command buffer and one submit a run. */
import { alignUp, type Gpu } from "../gpu/gpu.ts";
import { showShape } from "../kernels/kernel.ts";
import type { Region } from "./storage.ts";
import type { Node, Tensor } from "./tensor.ts";

/** One dispatch of a plan. */
export interface PlanStep {
  readonly node: Node;
  readonly variant: string;
  readonly label: string;
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  readonly workgroups: readonly [number, number, number];
  /** Where the outputs of the node lie. */
  readonly outputs: readonly Region[];
  /** What the node, all of its dispatches together, reads and writes at least once. */
  readonly bytes: number;
}

export interface PlanSummary {
  nodes: number;
  dispatches: number;
  /** Floating-point operations of the convolutions in one run, counted for the direct algorithm. */
  flops: number;
  /** Memory of activations, gradients and scratch. */
  peakBytes: number;
  /** The least that the same order of nodes could do with. */
  lowerBoundBytes: number;
  variableBytes: number;
}

export type HostArray = Float32Array | Uint32Array;

interface PlanParts {
  /** What depends on variables alone, in a plan that takes them for constant. */
  beforehand: readonly PlanStep[];
  steps: readonly PlanStep[];
  inputs: ReadonlyMap<string, { region: Region; tensor: Tensor }>;
  results: readonly { name: string; tensor: Tensor; region: Region }[];
  summary: PlanSummary;
  buffers: readonly GPUBuffer[];
}

/** Runs that may be under way at once; each has a buffer of its own to bring its results back. */
const QUEUED = 2;

export class Plan {
  readonly summary: PlanSummary;
  readonly #gpu: Gpu;
  readonly #parts: PlanParts;
  readonly #staging: { buffer: GPUBuffer; free: Promise<unknown> }[] = [];
  readonly #resultBytes: number;
  #next = 0;
  /** Whether the steps beforehand have been run since the variables last changed. */
  #fresh = false;

  constructor(gpu: Gpu, parts: PlanParts) {
    this.summary = parts.summary;
    this.#gpu = gpu;
    this.#parts = parts;
    this.#resultBytes = parts.results.reduce((sum, r) => sum + alignUp(r.region.bytes, 8), 0);
    for (let i = 0; i < QUEUED; i++) {
      const buffer = gpu.createBuffer(this.#resultBytes, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST, "results");
      this.#staging.push({ buffer, free: Promise.resolve() });
    }
  }

  /** Has the next run compute again what depends on variables alone; for plans compiled with `frozen`. */
  refresh(): void {
    this.#fresh = false;
  }

  get steps(): readonly PlanStep[] {
    return this.#parts.steps;
  }

  /**
   * Runs the plan once with these inputs and returns the outputs that `compile` was asked for. A second run may be
   * started before the first has ended; further ones wait.
   * @throws GpuError if the device reports an error or is lost
   */
  async run(inputs: Readonly<Record<string, HostArray>> = {}): Promise<Record<string, Float32Array>> {
    const slot = this.#staging[this.#next]!;
    this.#next = (this.#next + 1) % QUEUED;
    let release = () => {};
    const previous = slot.free;
    slot.free = new Promise<void>((resolve) => (release = resolve));
    await previous;
    try {
      return await this.#run(inputs, slot.buffer);
    } finally {
      release();
    }
  }

  async #run(inputs: Readonly<Record<string, HostArray>>, staging: GPUBuffer): Promise<Record<string, Float32Array>> {
    const gpu = this.#gpu;
    const { beforehand, steps, results } = this.#parts;
    this.upload(inputs);
    const encoder = gpu.device.createCommandEncoder();
    encodeSteps(gpu, encoder, this.#fresh ? steps : [...beforehand, ...steps]);
    this.#fresh = true;
    let offset = 0;
    for (const { region } of results) {
      encoder.copyBufferToBuffer(region.buffer, region.offset, staging, offset, alignUp(region.bytes, 4));
      offset += alignUp(region.bytes, 8);
    }
    gpu.submit(encoder.finish());
    await gpu.map(staging);
    const outputs: Record<string, Float32Array> = {};
    if (this.#resultBytes > 0) {
      const mapped = staging.getMappedRange();
      let at = 0;
      for (const { name, region } of results) {
        outputs[name] = new Float32Array(mapped.slice(at, at + region.bytes));
        at += alignUp(region.bytes, 8);
      }
    }
    staging.unmap();
    gpu.check();
    return outputs;
  }

  /**
   * Runs the plan kernel by kernel and returns the label of the first tensor that holds a value which is not finite,
   * undefined if there is none. Slow; for finding out why a run went bad. `skip` leaves nodes out, such as updates.
   */
  async firstNonFinite(
    inputs: Readonly<Record<string, HostArray>>,
    skip: (node: Node) => boolean = () => false,
  ): Promise<string | undefined> {
    const gpu = this.#gpu;
    for (const [name, values] of Object.entries(inputs)) if (!allFinite(values)) return `input ${name}`;
    this.upload(inputs);
    const steps = [...this.#parts.beforehand, ...this.#parts.steps];
    const lastOf = new Map(steps.map(({ node }, i) => [node, i]));
    for (const [i, step] of steps.entries()) {
      if (skip(step.node)) continue;
      const encoder = gpu.device.createCommandEncoder();
      encodeSteps(gpu, encoder, [step]);
      gpu.submit(encoder.finish());
      if (lastOf.get(step.node) !== i) continue;
      for (const [k, tensor] of step.node.outputs.entries()) {
        const { buffer, offset, bytes } = step.outputs[k]!;
        if (tensor.dtype !== "f32") continue;
        const values = await gpu.read(buffer, offset, bytes);
        const finite =
          bytes < tensor.bytes ? allFiniteHalf(new Uint16Array(values)) : allFinite(new Float32Array(values));
        if (!finite) return tensor.label;
      }
    }
    return undefined;
  }

  /**
   * Writes the inputs of the next run.
   * @throws TypeError when one is missing, or of another size or type
   */
  upload(inputs: Readonly<Record<string, HostArray>>): void {
    const wanted = this.#parts.inputs;
    for (const [name, { region, tensor }] of wanted) {
      const values = inputs[name];
      if (!values) throw new TypeError(`the run lacks input ${name} ${showShape(tensor.shape)}`);
      if (values.length !== tensor.size) {
        throw new TypeError(`input ${name} is ${showShape(tensor.shape)}, got ${values.length} values`);
      }
      if (values instanceof Uint32Array !== (tensor.dtype === "u32")) {
        throw new TypeError(`input ${name} holds ${tensor.dtype}, got a ${values.constructor.name}`);
      }
      this.#gpu.device.queue.writeBuffer(region.buffer, region.offset, values as Float32Array<ArrayBuffer>);
    }
  }

  /** Frees the plan's own buffers; variables stay. */
  destroy(): void {
    for (const buffer of this.#parts.buffers) buffer.destroy();
    for (const { region } of this.#parts.inputs.values()) region.buffer.destroy();
    for (const { buffer } of this.#staging) buffer.destroy();
  }
}

function encodeSteps(gpu: Gpu, encoder: GPUCommandEncoder, steps: readonly PlanStep[]): void {
  const pass = encoder.beginComputePass();
  let current: GPUComputePipeline | undefined;
  for (const { pipeline, bindGroup, workgroups } of steps) {
    if (pipeline !== current) pass.setPipeline(pipeline);
    current = pipeline;
    pass.setBindGroup(0, bindGroup);
    pass.dispatchWorkgroups(...workgroups);
  }
  pass.end();
  gpu.counters.dispatches += steps.length;
}

const allFinite = (values: HostArray): boolean => values instanceof Uint32Array || values.every(Number.isFinite);

/** Of numbers in half precision, by their bits. */
const allFiniteHalf = (bits: Uint16Array): boolean => bits.every((b) => (b & 0x7c00) !== 0x7c00);

/** Encodes one dispatch by itself. */
export function encodeStep(pass: GPUComputePassEncoder, { pipeline, bindGroup, workgroups }: PlanStep): void {
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, bindGroup);
  pass.dispatchWorkgroups(...workgroups);
}
