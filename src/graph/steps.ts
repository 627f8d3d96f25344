/** One dispatch of a plan: its pipeline, and the memory that it binds. */
import { alignUp, formatBytes, type Gpu } from "../gpu/gpu.ts";
import { shaderOf, type Dispatch, type Lowering, type OperandRef } from "../kernels/kernel.ts";
import { PlanError } from "./plan-error.ts";
import type { Region } from "./storage.ts";
import { Variable, type Node, type Tensor } from "./tensor.ts";

/** One dispatch of a plan. */
export interface PlanStep {
  readonly node: Node;
  readonly variant: string;
  readonly label: string;
  readonly pipeline: GPUComputePipeline;
  bindGroup: GPUBindGroup;
  /** Recreates the bind group, for variables that have moved; undefined where it binds none. */
  readonly rebind: (() => GPUBindGroup) | undefined;
  readonly workgroups: readonly [number, number, number];
  /** Where the outputs of the node lie. */
  readonly outputs: readonly Region[];
  /** Bytes that the node, over all its dispatches, reads and writes at least once. */
  readonly bytes: number;
}

export function encodeSteps(gpu: Gpu, encoder: GPUCommandEncoder, steps: readonly PlanStep[]): void {
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

/** Encodes one dispatch by itself. */
export function encodeStep(pass: GPUComputePassEncoder, { pipeline, bindGroup, workgroups }: PlanStep): void {
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, bindGroup);
  pass.dispatchWorkgroups(...workgroups);
}

/** All uniforms of a plan in one buffer, written once. */
export function uniformsOf(gpu: Gpu, lowerings: readonly Lowering[]) {
  const { offsetAlignment } = gpu.caps;
  const dispatches = lowerings.flatMap((l) => l.dispatches).filter((d) => d.params !== undefined);
  const regions = new Map<Dispatch, Region>();
  let bytes = 0;
  for (const dispatch of dispatches) {
    const size = alignUp(4 * dispatch.params!.length, 16);
    regions.set(dispatch, { buffer: undefined as never, offset: bytes, bytes: size });
    bytes += alignUp(size, offsetAlignment);
  }
  if (bytes === 0) return { buffers: [], get: () => undefined };
  const values = new Uint32Array(bytes / 4);
  for (const [dispatch, { offset }] of regions) values.set(dispatch.params!, offset / 4);
  const buffer = gpu.createBuffer(bytes, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST, "sizes");
  gpu.write(buffer, 0, values);
  return {
    buffers: [buffer],
    get(dispatch: Dispatch): Region | undefined {
      const region = regions.get(dispatch);
      return region && { ...region, buffer };
    },
  };
}

export async function prepareStep(
  gpu: Gpu,
  node: Node,
  variant: string,
  dispatch: Dispatch,
  operand: (ref: OperandRef) => Region,
  uniform: Region | undefined,
): Promise<PlanStep> {
  const label = `${node.layer ? `${node.layer}: ` : ""}${dispatch.label}`;
  const storage = dispatch.bindings.map(operand);
  if (storage.length > gpu.caps.maxStorageBuffers) {
    throw new PlanError(
      `${label} binds ${storage.length} storage buffers, and this adapter allows ${gpu.caps.maxStorageBuffers}`,
      { code: "limit" },
    );
  }
  const { maxBindingBytes } = gpu.caps;
  const large = storage.find(({ bytes }) => alignUp(bytes, 16) > maxBindingBytes);
  if (large) {
    const bytes = formatBytes(large.bytes);
    const allowed = formatBytes(maxBindingBytes);
    throw new PlanError(`${label} binds ${bytes} at once, and this adapter allows ${allowed}`, { code: "limit" });
  }
  const pipeline = await gpu.pipeline(shaderOf(dispatch));
  const bind = (storage: readonly Region[]): GPUBindGroup =>
    gpu.device.createBindGroup({
      layout: gpu.bindGroupLayout(storage.length, uniform !== undefined),
      entries: [...storage, ...(uniform ? [uniform] : [])].map(({ buffer, offset, bytes }, binding) => {
        return { binding, resource: { buffer, offset, size: alignUp(bytes, 16) } };
      }),
    });
  const bindsVariables = [...node.inputs, ...node.updates].some((t) => t instanceof Variable);
  const rebind = bindsVariables ? () => bind(dispatch.bindings.map(operand)) : undefined;
  const bindGroup = bind(storage);
  const all = (role: OperandRef["role"], tensors: readonly Tensor[]) =>
    tensors.map((_, index) => operand({ role, index }));
  const outputs = all("output", node.outputs);
  const updates = all("update", node.updates);
  const bytes = [...all("input", node.inputs), ...outputs, ...updates, ...updates].reduce((sum, r) => sum + r.bytes, 0);
  return { node, variant, label, pipeline, bindGroup, rebind, workgroups: dispatch.workgroups, outputs, bytes };
}
