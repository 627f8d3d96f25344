/** Turns a graph into a plan: dead nodes gone, memory shared by lifetime, pipelines and bind groups made once. */
import { alignUp, formatBytes, GpuError, type Gpu } from "../gpu/gpu.ts";
import type { Shader } from "../gpu/shader.ts";
import { bytesOf, showShape, type Dispatch, type Kernel, type Lowering, type OperandRef } from "../kernels/kernel.ts";
import { BindingError, cutOf, lowerWithin } from "../kernels/parts.ts";
import { choiceOf, type Choice } from "./choice.ts";
import type { Graph } from "./graph.ts";
import { constants, foldBatchNorms } from "./frozen.ts";
import { inPlace } from "./in-place.ts";
import { planMemory, type Lifetime } from "./memory.ts";
import { Plan, type PlanStep, type PlanSummary } from "./plan.ts";
import { recomputing } from "./recompute.ts";
import { regionOf, type Region } from "./storage.ts";
import { Variable, type Node, type Tensor } from "./tensor.ts";

export interface CompileOptions {
  /** What each run hands back, by name. */
  outputs?: Readonly<Record<string, Tensor>>;
  /** Nodes to run for what they update, such as Adam's. */
  updates?: readonly Node[];
  /** Use the plain variant of every kernel. */
  plain?: boolean;
  /** Chooses among a kernel's variants; default: what `setChoice` has set for the device, else the first variant. */
  choice?: Choice;
  /**
   * Variables stay as they are between runs, until `Plan.refresh` is called: what depends on them alone is computed once, and batch
   * normalisations become part of the convolutions before them.
   */
  frozen?: boolean;
  /** Have the backward pass compute cheap activations again instead of keeping them: less memory, more time. */
  recompute?: boolean;
}

/** The graph asks for more than the adapter has. */
export class PlanError extends GpuError {
  override name = "PlanError";
}

/**
 * Compiles what `outputs` and `updates` depend on.
 * Kernels with tensors beyond the adapter's limit of a binding are cut into parts.
 * @throws PlanError naming layer, tensor and limit, if a tensor exceeds the adapter's limits all the same
 */
export async function compile(gpu: Gpu, graph: Graph, options: CompileOptions): Promise<Plan> {
  const outputs = options.outputs ?? {};
  const nodes = nodesOf(graph, options);
  const lowerings = lower(gpu, nodes, options);
  const compiled = gpu.precompile(shadersOf(lowerings));
  const { frozen = false } = options;
  const isConstant = frozen ? constants(nodes) : () => false;
  const beforehand = (node: Node, { dependsOn }: Dispatch) =>
    frozen && (node.outputs.every(isConstant) || (dependsOn?.every((i) => isConstant(node.inputs[i]!)) ?? false));
  const arena = allocate(gpu, nodes, lowerings, { outputs: Object.values(outputs), isConstant, beforehand });
  const inputs = new Map<string, { region: Region; tensor: Tensor }>();
  for (const tensor of new Set(nodes.flatMap((node) => node.inputs))) {
    if (tensor.source.kind !== "input") continue;
    const region = {
      buffer: gpu.createStorage(tensor.bytes, tensor.label),
      offset: 0,
      bytes: tensor.bytes,
    };
    inputs.set(tensor.source.name, { region, tensor });
  }
  const locate = (tensor: Tensor): Region => {
    if (tensor instanceof Variable) return regionOf(gpu, tensor);
    if (tensor.source.kind === "input") return inputs.get(tensor.source.name)!.region;
    return arena.region(tensor);
  };
  const uniforms = uniformsOf(gpu, lowerings);
  const pending = { beforehand: new Array<Promise<PlanStep>>(), steps: new Array<Promise<PlanStep>>() };
  for (const [i, node] of nodes.entries()) {
    const lowering = lowerings[i]!;
    const whole = (ref: OperandRef): Region => {
      if (ref.role === "scratch") return arena.scratch(i, ref.index);
      const list = { input: node.inputs, output: node.outputs, update: node.updates }[ref.role];
      return locate(list[ref.index]!);
    };
    const operand = (ref: OperandRef): Region => {
      const { buffer, offset, bytes } = whole(ref);
      const { range } = ref;
      return range ? { buffer, offset: offset + range.offset, bytes: range.bytes } : { buffer, offset, bytes };
    };
    for (const dispatch of lowering.dispatches) {
      const step = prepare(gpu, node, lowering.variant, dispatch, operand, uniforms.get(dispatch));
      pending[beforehand(node, dispatch) ? "beforehand" : "steps"].push(step);
    }
  }
  const [early, steps] = await Promise.all([Promise.all(pending.beforehand), Promise.all(pending.steps), compiled]);
  const summary: PlanSummary = {
    nodes: nodes.length,
    dispatches: steps.length,
    flops: nodes.reduce((sum, node) => sum + node.kernel.flops, 0),
    peakBytes: arena.bytes,
    lowerBoundBytes: arena.lowerBound,
    variableBytes: [...new Set(nodes.flatMap((n) => [...n.inputs, ...n.updates]).filter((t) => t instanceof Variable))]
      .map((t) => t.bytes)
      .reduce((a, b) => a + b, 0),
  };
  const results = Object.entries(outputs).map(([name, tensor]) => ({ name, tensor, region: locate(tensor) }));
  return new Plan(gpu, {
    beforehand: early,
    steps,
    inputs,
    results,
    summary,
    buffers: [...arena.buffers, ...uniforms.buffers],
  });
}

/**
 * Has the shaders of a graph compiled in the background, where the driver puts that off, for a `compile` later on.
 * @throws PlanError as `compile` does
 */
export async function compileAhead(gpu: Gpu, graph: Graph, options: CompileOptions): Promise<void> {
  const nodes = nodesOf(graph, options);
  await gpu.precompile(shadersOf(lower(gpu, nodes, options)), { background: true });
}

/** What a plan runs, in order. */
function nodesOf(graph: Graph, options: CompileOptions): readonly Node[] {
  const { outputs = {}, updates = [], recompute = false, frozen = false } = options;
  const kept = new Set(Object.values(outputs));
  const live = liveNodes(graph, [...kept], updates);
  const nodes = inPlace(frozen ? foldBatchNorms(live, kept) : live, kept);
  if (!recompute || graph.backwardFrom === undefined) return nodes;
  return recomputing(nodes, graph.backwardFrom, kept);
}

/** The chosen variant of every node. */
function lower(gpu: Gpu, nodes: readonly Node[], options: CompileOptions): Lowering[] {
  checkLimits(gpu, nodes);
  const choice = options.choice ?? choiceOf(gpu);
  const caps = { ...gpu.caps, frozen: options.frozen ?? false };
  const choose = (kernel: Kernel): Lowering => {
    const all = kernel.lower(caps);
    // Split reductions may want more scratch memory than can be bound; the plain variants want none.
    const fitting = all.filter((v) => v.scratch.every((bytes) => bytes <= gpu.caps.maxBindingBytes));
    const variants = fitting.length > 0 ? fitting : all;
    if (options.plain) return variants.at(-1)!;
    return choice?.(kernel, variants) ?? variants[0]!;
  };
  return nodes.map((node) => lowerWithin(node.kernel, caps, choose));
}

const shaderOf = ({ code, bindings, params, label }: Dispatch): Shader => {
  return { code, bindings: bindings.length, uniform: params !== undefined, label };
};
const shadersOf = (lowerings: readonly Lowering[]): Shader[] => lowerings.flatMap((l) => l.dispatches).map(shaderOf);

/**
 * Whether a graph could be compiled as far as the adapter's limits are concerned; costs little.
 * @throws PlanError as `compile` does
 */
export function requireFit(gpu: Gpu, graph: Graph, options: CompileOptions): void {
  checkLimits(gpu, nodesOf(graph, options));
}

/** The kernels that a compiled graph would run, in order. */
export const kernelsOf = (graph: Graph, options: CompileOptions): Kernel[] =>
  nodesOf(graph, options).map((node) => node.kernel);

function liveNodes(graph: Graph, outputs: readonly Tensor[], updates: readonly Node[]): Node[] {
  const live = new Set<Node>(updates);
  const stack: Tensor[] = [...outputs, ...updates.flatMap((node) => node.inputs)];
  while (stack.length > 0) {
    const { source } = stack.pop()!;
    if (source.kind === "pack") stack.push(...source.parts);
    if (source.kind === "node" && !live.has(source.node)) {
      live.add(source.node);
      stack.push(...source.node.inputs);
    }
  }
  return graph.nodes.filter((node) => live.has(node));
}

/** @throws PlanError for the largest tensor that fits neither a binding, however the work is cut, nor a buffer */
function checkLimits(gpu: Gpu, nodes: readonly Node[]): void {
  const { maxBindingBytes, maxBufferBytes } = gpu.caps;
  let worst: { node: Node; error: BindingError } | undefined;
  for (const node of nodes) {
    for (const tensor of [...node.inputs, ...node.outputs]) {
      if (tensor.bytes <= maxBufferBytes) continue;
      throw refusal(node, tensor, tensor.bytes, `one buffer, and this adapter allows ${formatBytes(maxBufferBytes)}`);
    }
    try {
      cutOf(node.kernel, gpu.caps);
    } catch (error) {
      if (!(error instanceof BindingError)) throw error;
      if (!worst || error.bytes > worst.error.bytes) worst = { node, error };
    }
  }
  if (!worst) return;
  const { node, error } = worst;
  const tensor = [...node.inputs, ...node.outputs, ...node.updates].reduce((a, b) => (b.bytes > a.bytes ? b : a));
  const limit = `one binding at least, and this adapter allows ${formatBytes(maxBindingBytes)}`;
  throw refusal(node, tensor, error.bytes, limit);
}

function refusal({ layer, kernel }: Node, tensor: Tensor, bytes: number, limit: string): PlanError {
  return new PlanError(
    `${layer || kernel.name}: a tensor ${showShape(tensor.shape)} takes ${formatBytes(bytes)} in ${limit}; ` +
      "use a smaller batch, input or width",
  );
}

/** What holds longer than its uses within a run. */
interface Lasting {
  outputs: readonly Tensor[];
  isConstant: (tensor: Tensor) => boolean;
  /** Whether a dispatch runs before all runs. */
  beforehand: (node: Node, dispatch: Dispatch) => boolean;
}

/** Memory of everything that lives within one run, or from run to run. */
function allocate(
  gpu: Gpu,
  nodes: readonly Node[],
  lowerings: readonly Lowering[],
  { outputs, isConstant, beforehand }: Lasting,
) {
  const owner = (tensor: Tensor): Tensor => tensor.within?.base ?? tensor;
  const lifetimes = new Map<Tensor, { bytes: number; first: number; last: number }>();
  const touch = (tensor: Tensor, step: number) => {
    if (tensor instanceof Variable || tensor.source.kind === "input") return;
    const base = owner(tensor);
    const life = lifetimes.get(base);
    if (life) {
      life.first = Math.min(life.first, step);
      life.last = Math.max(life.last, step);
    } else lifetimes.set(base, { bytes: bytesOf(base), first: step, last: step });
  };
  for (const [step, node] of nodes.entries()) {
    for (const tensor of [...node.outputs, ...node.inputs]) touch(tensor, step);
  }
  for (const tensor of outputs) touch(tensor, nodes.length);
  for (const tensor of [...lifetimes.keys()].filter(isConstant)) {
    touch(tensor, 0);
    touch(tensor, nodes.length);
  }
  const owners = [...lifetimes.keys()];
  const scratchKeys = lowerings.flatMap((lowering, step) => lowering.scratch.map((bytes, k) => ({ step, k, bytes })));
  /** Whether scratch memory holds from run to run. */
  const lasts = (step: number, k: number) =>
    lowerings[step]!.dispatches.some(
      (d) => beforehand(nodes[step]!, d) && d.bindings.some((ref) => ref.role === "scratch" && ref.index === k),
    );
  const requests: Lifetime[] = [
    ...lifetimes.values(),
    ...scratchKeys.map(({ step, k, bytes }) =>
      lasts(step, k) ? { bytes, first: 0, last: nodes.length } : { bytes, first: step, last: step },
    ),
  ];
  const { places, pages, lowerBound } = planMemory(requests, gpu.caps.offsetAlignment, gpu.caps.maxBufferBytes);
  const buffers = pages.map((bytes, i) => gpu.createStorage(bytes, `arena ${i}`));
  const regions = places.map(({ page, offset }, i): Region => {
    return { buffer: buffers[page]!, offset, bytes: requests[i]!.bytes };
  });
  const index = new Map(owners.map((tensor, i) => [tensor, i]));
  const scratchIndex = new Map(scratchKeys.map(({ step, k }, i) => [`${step}.${k}`, owners.length + i]));
  return {
    bytes: pages.reduce((a, b) => a + b, 0),
    lowerBound,
    buffers,
    region(tensor: Tensor): Region {
      const region = regions[index.get(owner(tensor))!]!;
      return tensor.within
        ? { buffer: region.buffer, offset: region.offset + tensor.within.offset, bytes: tensor.bytes }
        : region;
    },
    scratch: (step: number, k: number): Region => regions[scratchIndex.get(`${step}.${k}`)!]!,
  };
}

/** All uniforms of a plan in one buffer, written once. */
function uniformsOf(gpu: Gpu, lowerings: readonly Lowering[]) {
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
  gpu.device.queue.writeBuffer(buffer, 0, values);
  return {
    buffers: [buffer],
    get(dispatch: Dispatch): Region | undefined {
      const region = regions.get(dispatch);
      return region && { ...region, buffer };
    },
  };
}

async function prepare(
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
    );
  }
  const { maxBindingBytes } = gpu.caps;
  const large = storage.find(({ bytes }) => alignUp(bytes, 16) > maxBindingBytes);
  if (large) {
    const bytes = formatBytes(large.bytes);
    throw new PlanError(`${label} binds ${bytes} at once, and this adapter allows ${formatBytes(maxBindingBytes)}`);
  }
  const pipeline = await gpu.pipeline(shaderOf(dispatch));
  const bindGroup = gpu.device.createBindGroup({
    layout: gpu.bindGroupLayout(storage.length, uniform !== undefined),
    entries: [...storage, ...(uniform ? [uniform] : [])].map(({ buffer, offset, bytes }, binding) => {
      return { binding, resource: { buffer, offset, size: alignUp(bytes, 16) } };
    }),
  });
  const outputs = node.outputs.map((_, index) => operand({ role: "output", index }));
  return { node, variant, label, pipeline, bindGroup, workgroups: dispatch.workgroups, outputs };
}
