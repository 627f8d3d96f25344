/** A compiled step: one command buffer and one submit a run. */
import { alignUp, GpuError, type Gpu } from "../gpu/gpu.ts";
import { aKind, kindOf, showShape, type HostArray } from "../kernels/kernel.ts";
import { movesOf, requireCurrent, type Home, type Region } from "./storage.ts";
import type { Node, Tensor, Variable } from "./tensor.ts";

export type { HostArray };

/** A graph or plan cannot be run as asked, such as one that wants more than the adapter has. */
export class PlanError extends GpuError {
  override name = "PlanError";
}

/** One dispatch of a plan. */
export interface PlanStep {
  readonly node: Node;
  readonly variant: string;
  readonly label: string;
  readonly pipeline: GPUComputePipeline;
  bindGroup: GPUBindGroup;
  /** Makes the bind group anew, for variables that have moved; undefined where it binds none. */
  readonly rebind: (() => GPUBindGroup) | undefined;
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

interface PlanParts {
  /** What depends on variables alone, in a plan that takes them for constant. */
  beforehand: readonly PlanStep[];
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

/** Runs that may be under way at once; each has a buffer of its own to bring its results back. */
const QUEUED = 2;

type Inputs = Readonly<Record<string, HostArray>>;
type Outputs = Record<string, Float32Array>;

export class Plan {
  readonly summary: PlanSummary;
  readonly #gpu: Gpu;
  readonly #parts: PlanParts;
  readonly #staging: readonly GPUBuffer[];
  /** Those that no run has. */
  readonly #free: GPUBuffer[];
  /** Runs that wait for one, the first first. */
  readonly #waiting: ((staging: GPUBuffer) => void)[] = [];
  readonly #resultBytes: number;
  readonly #updated: readonly Home[];
  readonly #held: Map<Variable, { home: Home; region: Region }>;
  /** Writes to its variables when the steps beforehand were last run; undefined where they have to be run again. */
  #seen: number | undefined;
  /** Moves of variables on the device when it last made its bind groups; undefined before it has looked. */
  #moves: number | undefined;
  #destroyed = false;

  constructor(gpu: Gpu, parts: PlanParts) {
    this.summary = parts.summary;
    this.#gpu = gpu;
    this.#parts = parts;
    this.#held = new Map(parts.variables);
    const updated = new Set([...parts.beforehand, ...parts.steps].flatMap(({ node }) => node.updates));
    this.#updated = [...updated].map((variable) => parts.variables.get(variable)!.home);
    this.#resultBytes = parts.results.reduce((sum, r) => sum + alignUp(r.bytes, 8), 0);
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
    this.#staging = Array.from({ length: QUEUED }, () => gpu.createBuffer(this.#resultBytes, usage, "results"));
    this.#free = [...this.#staging];
  }

  /**
   * Has the next run of a plan compiled with `frozen` compute again what depends on variables alone. Needed only where their buffers were
   * written by other means than `writeVariable`, `loadStateDict` and plans.
   */
  refresh(): void {
    this.#seen = undefined;
  }

  /** @throws GpuError if the plan cannot be run any more */
  requireAlive(): void {
    if (this.#destroyed) throw new PlanError("the plan was destroyed; compile the graph again to run it");
    this.#gpu.check();
    // Who computes with what was changed on another device alone does not mean to; what this plan changes, it begins here.
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
      for (const step of [...this.#parts.beforehand, ...this.#parts.steps]) {
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

  get steps(): readonly PlanStep[] {
    return this.#parts.steps;
  }

  /**
   * Runs the plan once with these inputs, as they are now, and returns the outputs that `compile` was asked for. A second run may be
   * started before the first has ended; further ones wait, on copies of their inputs, and take variables as they then are.
   * @throws TypeError when the inputs are not those of the graph, in name, type, size or range; nothing is uploaded then
   * @throws PlanError when the plan was destroyed, or variables that it uses were released
   * @throws GpuError if the device reports an error, is lost or was destroyed
   */
  async run(inputs: Inputs = {}): Promise<Outputs> {
    this.requireAlive();
    this.#requireInputs(inputs);
    const staging = this.#free.pop();
    if (staging) return this.#begin(inputs, staging);
    const wanted = [...this.#parts.inputs.keys()];
    const copies = Object.fromEntries(wanted.map((name) => [name, inputs[name]!.slice()]));
    return new Promise((resolve) => this.#waiting.push((staging) => resolve(this.#begin(copies, staging))));
  }

  async #begin(inputs: Inputs, staging: GPUBuffer): Promise<Outputs> {
    try {
      return await this.#run(inputs, staging);
    } finally {
      const next = this.#waiting.shift();
      if (next) next(staging);
      else this.#free.push(staging);
    }
  }

  async #run(inputs: Inputs, staging: GPUBuffer): Promise<Outputs> {
    const gpu = this.#gpu;
    const { beforehand, steps, results } = this.#parts;
    this.requireAlive();
    this.#write(inputs);
    const encoder = gpu.device.createCommandEncoder();
    const writes = beforehand.length > 0 ? this.#writes() : undefined;
    encodeSteps(gpu, encoder, writes === this.#seen ? steps : [...beforehand, ...steps]);
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
    return Object.fromEntries(outputs);
  }

  /**
   * Runs the plan kernel by kernel and returns the label of the first tensor that holds a value which is not finite,
   * undefined if there is none. Slow; for finding out why a run went bad. `skip` leaves nodes out, such as updates.
   */
  async firstNonFinite(inputs: Inputs, skip: (node: Node) => boolean = () => false): Promise<string | undefined> {
    const gpu = this.#gpu;
    this.upload(inputs);
    for (const [name, values] of Object.entries(inputs)) if (!allFinite(values)) return `input ${name}`;
    for (const home of this.#updated) home.writes.count++;
    this.#seen = undefined;
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
   * @throws as `run`
   */
  upload(inputs: Inputs): void {
    this.requireAlive();
    this.#requireInputs(inputs);
    this.#write(inputs);
  }

  #write(inputs: Inputs): void {
    for (const [name, { region }] of this.#parts.inputs) this.#gpu.write(region.buffer, region.offset, inputs[name]!);
  }

  /** @throws TypeError that names the first input at which something is wrong */
  #requireInputs(inputs: Inputs): void {
    const { inputs: wanted, declared } = this.#parts;
    if (kindOf(inputs) !== "Object") {
      throw new TypeError(`a run takes an object with its inputs by name, got ${aKind(inputs)}`);
    }
    const given = (name: string): HostArray | undefined => (Object.hasOwn(inputs, name) ? inputs[name] : undefined);
    for (const name of Object.keys(inputs)) {
      if (declared.has(name)) continue;
      const known = [...declared.keys()].join(", ") || "none at all";
      throw new TypeError(`the graph has no input ${name}; its inputs: ${known}`);
    }
    for (const [name, tensor] of declared) {
      const values = given(name);
      // An input that nothing of this plan depends on may be given all the same: another plan of the graph may want it.
      if (values === undefined && !wanted.has(name)) continue;
      if (!values) throw new TypeError(`the run lacks input ${name} ${showShape(tensor.shape)}`);
      const type = tensor.dtype === "f32" ? "Float32Array" : "Uint32Array";
      if (kindOf(values) !== type || !ArrayBuffer.isView(values)) {
        throw new TypeError(`input ${name} holds ${tensor.dtype}, got ${aKind(values)}: pass a ${type}`);
      }
      if (values.length !== tensor.size) {
        throw new TypeError(`input ${name} is ${showShape(tensor.shape)}, got ${values.length} values`);
      }
    }
    for (const [name, { checks }] of declared) {
      const values = checks.length > 0 ? given(name) : undefined;
      for (const check of values ? checks : []) {
        const wrong = check(values!);
        if (wrong) throw new TypeError(`input ${name}: ${wrong}`);
      }
    }
  }

  /** Frees the plan's own buffers; variables stay. The plan cannot be run any more. */
  destroy(): void {
    this.#destroyed = true;
    for (const buffer of this.#parts.buffers) buffer.destroy();
    for (const { region } of this.#parts.inputs.values()) region.buffer.destroy();
    for (const buffer of this.#staging) buffer.destroy();
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
