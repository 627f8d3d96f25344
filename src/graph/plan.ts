/** A compiled step: one command buffer and one submit per run. */
import { alignUp, type Gpu } from "../gpu/gpu.ts";
import type { HostArray } from "../kernels/kernel.ts";
import type { NamedTensors } from "./options.ts";
import { PlanError } from "./plan-error.ts";
import { requireInputs, type Inputs } from "./run-inputs.ts";
import { encodeSteps, type PlanStep } from "./steps.ts";
import { movesOf, requireCurrent, type Home, type Region } from "./storage.ts";
import type { Node, Tensor, Variable } from "./tensor.ts";

export type { HostArray };

/** What a plan costs. */
export interface PlanSummary {
  nodes: number;
  dispatches: number;
  /** Floating-point operations of the convolutions in one run, counted for the direct algorithm. */
  flops: number;
  /** Memory of activations, gradients and scratch. */
  peakBytes: number;
  /** The least memory that this order of nodes needs. */
  lowerBoundBytes: number;
  variableBytes: number;
}

interface PlanParts {
  /** What depends only on variables, in a plan that treats them as constant. */
  hoisted: readonly PlanStep[];
  steps: readonly PlanStep[];
  /** The inputs that anything depends on. */
  inputs: ReadonlyMap<string, { region: Region; tensor: Tensor }>;
  /** All inputs of the graph. */
  declared: ReadonlyMap<string, Tensor>;
  results: readonly { name: string; bytes: number; region: () => Region }[];
  /** Where the variables that it uses lay when it was compiled. */
  variables: ReadonlyMap<Variable, { home: Home; region: Region }>;
  summary: PlanSummary;
  buffers: readonly GPUBuffer[];
}

/** Runs that may be in flight at once; each has its own buffer for reading its results back. */
const MAX_CONCURRENT_RUNS = 2;

/** Values by the names of the tensors that they are of. */
export type ValuesOf<Outputs extends NamedTensors> = { -readonly [Name in keyof Outputs]: Float32Array };

/**
 * A compiled graph, to be run many times; `compile` makes one.
 * @typeParam Outputs what it was compiled with
 */
export class Plan<Outputs extends NamedTensors = NamedTensors> {
  readonly summary: PlanSummary;
  readonly #gpu: Gpu;
  readonly #parts: PlanParts;
  readonly #staging: readonly GPUBuffer[];
  /** Those that no run is using. */
  readonly #free: GPUBuffer[];
  /** Runs that wait for one, in order of arrival. */
  readonly #waiting: ((staging: GPUBuffer) => void)[] = [];
  readonly #resultBytes: number;
  readonly #updated: readonly Home[];
  readonly #held: Map<Variable, { home: Home; region: Region }>;
  /** Writes to its variables when the hoisted steps last ran; undefined if they must run again. */
  #seen: number | undefined;
  /** Moves of variables on the device when the bind groups were last made; undefined before the first check. */
  #moves: number | undefined;
  #destroyed = false;

  constructor(gpu: Gpu, parts: PlanParts) {
    this.summary = parts.summary;
    this.#gpu = gpu;
    this.#parts = parts;
    this.#held = new Map(parts.variables);
    const updated = new Set([...parts.hoisted, ...parts.steps].flatMap(({ node }) => node.updates));
    this.#updated = [...updated].map((variable) => parts.variables.get(variable)!.home);
    this.#resultBytes = parts.results.reduce((sum, r) => sum + alignUp(r.bytes, 8), 0);
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
    this.#staging = Array.from({ length: MAX_CONCURRENT_RUNS }, () =>
      gpu.createBuffer(this.#resultBytes, usage, "results"),
    );
    this.#free = [...this.#staging];
  }

  /**
   * Makes the next run of a frozen plan recompute what depends only on variables. Needed only where their buffers were written by
   * means other than `writeVariable`, `loadStateDict` and plans.
   */
  refresh(): void {
    this.#seen = undefined;
  }

  /** @throws GpuError if the plan cannot be run any more */
  requireAlive(): void {
    if (this.#destroyed) throw new PlanError("the plan was destroyed; compile the graph again to run it");
    this.#gpu.check();
    // Reading what was changed on another device alone is a mistake; what this plan changes itself, it starts here.
    if (this.#updated.length === 0) for (const variable of this.#held.keys()) requireCurrent(this.#gpu, variable);
    const moves = movesOf(this.#gpu);
    if (moves === this.#moves) return;
    for (const [variable, { home }] of this.#held) {
      if (!home.released) continue;
      throw new PlanError(
        `${variable.label} was released after the plan was compiled; compile the graph again to run it`,
      );
    }
    if ([...this.#held.values()].some(({ home, region }) => home.region !== region)) {
      for (const [variable, { home }] of this.#held) this.#held.set(variable, { home, region: home.region });
      for (const step of [...this.#parts.hoisted, ...this.#parts.steps]) {
        if (step.rebind) step.bindGroup = step.rebind();
      }
      this.#seen = undefined;
    }
    this.#moves = moves;
  }

  /** How often its variables have been written. */
  #writes(): number {
    let writes = 0;
    for (const { home } of this.#held.values()) writes += home.writes.count;
    return writes;
  }

  /** The kernel calls in the order in which they run. */
  get steps(): readonly PlanStep[] {
    return this.#parts.steps;
  }

  /** Whether a run needs the input of this name. */
  takes(input: string): boolean {
    return this.#parts.inputs.has(input);
  }

  /**
   * Runs the plan once with the current values of these inputs, and returns the outputs named in `compile`. A second run may
   * start before the first has ended; further ones wait, on copies of their inputs, and use the variables' values at the time
   * they start.
   * @throws TypeError when the inputs differ from the graph's in name, type, size or range; nothing is uploaded then
   * @throws PlanError when the plan was destroyed, or variables that it uses were released
   * @throws GpuError if the device reports an error, is lost or was destroyed
   */
  async run(inputs: Inputs = {}): Promise<ValuesOf<Outputs>> {
    this.requireAlive();
    requireInputs(inputs, this.#parts.inputs, this.#parts.declared);
    const staging = this.#free.pop();
    if (staging) return this.#begin(inputs, staging);
    const wanted = [...this.#parts.inputs.keys()];
    const copies = Object.fromEntries(wanted.map((name) => [name, inputs[name]!.slice()]));
    return new Promise((resolve) => this.#waiting.push((staging) => resolve(this.#begin(copies, staging))));
  }

  async #begin(inputs: Inputs, staging: GPUBuffer): Promise<ValuesOf<Outputs>> {
    try {
      return await this.#run(inputs, staging);
    } finally {
      const next = this.#waiting.shift();
      if (next) next(staging);
      else this.#free.push(staging);
    }
  }

  async #run(inputs: Inputs, staging: GPUBuffer): Promise<ValuesOf<Outputs>> {
    const gpu = this.#gpu;
    const { hoisted, steps, results } = this.#parts;
    this.requireAlive();
    this.#write(inputs);
    const encoder = gpu.device.createCommandEncoder();
    const writes = hoisted.length > 0 ? this.#writes() : undefined;
    encodeSteps(gpu, encoder, writes === this.#seen ? steps : [...hoisted, ...steps]);
    this.#seen = writes;
    for (const home of this.#updated) home.writes.count++;
    let offset = 0;
    for (const { region, bytes } of results) {
      const from = region();
      encoder.copyBufferToBuffer(from.buffer, from.offset, staging, offset, alignUp(bytes, 4));
      offset += alignUp(bytes, 8);
    }
    gpu.submit(encoder.finish());
    try {
      await gpu.map(staging);
    } catch (error) {
      if (this.#destroyed) throw new PlanError("the plan was destroyed while it ran", { cause: error });
      throw error;
    }
    const outputs: [string, Float32Array][] = [];
    if (this.#resultBytes > 0) {
      const mapped = staging.getMappedRange();
      let at = 0;
      for (const { name, bytes } of results) {
        outputs.push([name, new Float32Array(mapped.slice(at, at + bytes))]);
        at += alignUp(bytes, 8);
      }
    }
    staging.unmap();
    gpu.check();
    return Object.fromEntries(outputs) as ValuesOf<Outputs>;
  }

  /**
   * Runs the plan kernel by kernel and returns the label of the first tensor that holds a non-finite value, undefined
   * if there is none. Slow; for finding out why a run went wrong. `skip` leaves nodes out, such as updates.
   */
  async firstNonFinite(inputs: Inputs, skip: (node: Node) => boolean = () => false): Promise<string | undefined> {
    const gpu = this.#gpu;
    this.upload(inputs);
    for (const [name, values] of Object.entries(inputs)) if (!allFinite(values)) return `input ${name}`;
    for (const home of this.#updated) home.writes.count++;
    this.#seen = undefined;
    const steps = [...this.#parts.hoisted, ...this.#parts.steps];
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
   * @throws as `run`
   */
  upload(inputs: Inputs): void {
    this.requireAlive();
    requireInputs(inputs, this.#parts.inputs, this.#parts.declared);
    this.#write(inputs);
  }

  #write(inputs: Inputs): void {
    for (const [name, { region }] of this.#parts.inputs) this.#gpu.write(region.buffer, region.offset, inputs[name]!);
  }

  /** Frees the plan's own buffers; variables stay. The plan cannot be run any more. */
  destroy(): void {
    this.#destroyed = true;
    for (const buffer of this.#parts.buffers) buffer.destroy();
    for (const { region } of this.#parts.inputs.values()) region.buffer.destroy();
    for (const buffer of this.#staging) buffer.destroy();
  }

  /** As `destroy`, for `using`. */
  [Symbol.dispose](): void {
    this.destroy();
  }
}

const allFinite = (values: HostArray): boolean => values instanceof Uint32Array || values.every(Number.isFinite);

/** The same for numbers in half precision, by their bits. */
const allFiniteHalf = (bits: Uint16Array): boolean => bits.every((b) => (b & 0x7c00) !== 0x7c00);
