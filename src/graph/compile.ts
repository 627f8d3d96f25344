/** Turns a graph into a plan: dead nodes gone, memory shared by lifetime, pipelines and bind groups made once. */
import { alignUp, formatBytes, Gpu } from "../gpu/gpu.ts";
import type { Shader } from "../gpu/shader.ts";
import {
  aKind,
  shaderOf,
  showShape,
  type Dispatch,
  type Kernel,
  type Lowering,
  type OperandRef,
} from "../kernels/kernel.ts";
import { BindingError, cutOf, lowerWithin } from "../kernels/parts.ts";
import { choiceOf, type Choice } from "./choice.ts";
import { worthCompiling, type Candidates } from "./economy.ts";
import { Graph } from "./graph.ts";
import { constants, foldBatchNorms } from "./frozen.ts";
import { halfTensors, withHalf } from "./half.ts";
import { inPlace } from "./in-place.ts";
import { allocate, leastBytes } from "./arena.ts";
import { Plan, PlanError, type PlanStep, type PlanSummary } from "./plan.ts";
import { recomputing } from "./recompute.ts";
import { isUpdate, requireMeant } from "./requests.ts";
import { homeOf, requireCurrent, type Home, type Region } from "./storage.ts";
import { Variable, type Node, type Tensor } from "./tensor.ts";

export { PlanError };

export interface CompileOptions {
  /** What each run hands back, by name. */
  outputs?: Readonly<Record<string, Tensor>>;
  /** Nodes to run for what they update, such as Adam's. Where the graph records such nodes they have to be given; [] leaves them out. */
  updates?: readonly Node[];
  /** Use the plain variant of every kernel. */
  plain?: boolean;
  /** Chooses among a kernel's variants; default: what `setChoice` has set for the device, else the first variant. */
  choice?: Choice;
  /**
   * What depends on variables alone is computed once, and again after they were written; batch normalisations become part of the
   * convolutions before them. For graphs of inference.
   */
  frozen?: boolean;
  /**
   * In a frozen plan on an adapter with shader-f16: the weights of convolutions, and activations but for the plan's inputs and outputs, are
   * stored in half precision. Arithmetic stays f32. An activation beyond 65504 becomes infinite.
   */
  half?: boolean;
  /** Have the backward pass compute cheap activations again instead of keeping them: less memory, more time. */
  recompute?: boolean;
}

/**
 * Compiles what `outputs` and `updates` depend on.
 * Kernels with tensors beyond the adapter's limit of a binding are cut into parts.
 * @throws PlanError naming layer, tensor and limit, if a tensor exceeds the adapter's limits all the same; or if outputs and updates are
 *   none, another graph's, or do not go with the options
 * @throws GpuError if a variable was changed on another device and has no values on this one
 */
export async function compile(gpu: Gpu, graph: Graph, options: CompileOptions): Promise<Plan> {
  requireArguments(gpu, graph, options);
  gpu.check();
  const outputs = options.outputs ?? {};
  const nodes = nodesOf(graph, options);
  const { lowerings, half } = lower(gpu, nodes, options);
  const compiled = gpu.precompile(shadersOf(lowerings));
  const { frozen = false } = options;
  const isConstant = frozen ? constants(nodes) : () => false;
  const beforehand = (node: Node, { dependsOn }: Dispatch) =>
    frozen && (node.outputs.every(isConstant) || (dependsOn?.every((i) => isConstant(node.inputs[i]!)) ?? false));
  const arena = allocate(gpu, nodes, lowerings, { outputs: Object.values(outputs), isConstant, beforehand, half });
  const inputs = new Map<string, { region: Region; tensor: Tensor }>();
  for (const tensor of new Set([...nodes.flatMap((node) => node.inputs), ...Object.values(outputs)])) {
    if (tensor.source.kind !== "input") continue;
    const region = {
      buffer: gpu.createStorage(tensor.bytes, tensor.label),
      offset: 0,
      bytes: tensor.bytes,
    };
    inputs.set(tensor.source.name, { region, tensor });
  }
  const used = [...nodes.flatMap((n) => [...n.inputs, ...n.updates]), ...Object.values(outputs)];
  const variables = new Map<Variable, { home: Home; region: Region }>();
  for (const tensor of used.filter((t) => t instanceof Variable)) {
    requireCurrent(gpu, tensor);
    const home = homeOf(gpu, tensor);
    variables.set(tensor, { home, region: home.region });
  }
  const locate = (tensor: Tensor): Region => {
    if (tensor instanceof Variable) return variables.get(tensor)!.home.region;
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
    variableBytes: [...variables.keys()].reduce((sum, variable) => sum + variable.bytes, 0),
  };
  const results = Object.entries(outputs).map(([name, tensor]) => {
    return { name, bytes: locate(tensor).bytes, region: () => locate(tensor) };
  });
  return new Plan(gpu, {
    beforehand: early,
    steps,
    inputs,
    declared: graph.inputs,
    results,
    variables,
    summary,
    buffers: [...arena.buffers, ...uniforms.buffers],
  });
}

function requireArguments(gpu: unknown, graph: unknown, options: unknown): void {
  for (const [what, is, value] of [
    ["a Gpu", gpu instanceof Gpu, gpu],
    ["a Graph", graph instanceof Graph, graph],
    ["an object of options", typeof options === "object" && options !== null, options],
  ] as const) {
    if (!is) throw new PlanError(`compile: expected ${what}, got ${aKind(value)}`);
  }
}

/**
 * Has the shaders of a graph compiled in the background, where the driver puts that off, for a `compile` later on.
 * @throws PlanError as `compile` does
 */
export async function compileAhead(gpu: Gpu, graph: Graph, options: CompileOptions): Promise<void> {
  const nodes = nodesOf(graph, options);
  await gpu.precompile(shadersOf(lower(gpu, nodes, options).lowerings), { background: true });
}

/** What a plan runs, in order. */
function nodesOf(graph: Graph, options: CompileOptions): readonly Node[] {
  const { outputs = {}, updates = [], recompute = false, frozen = false } = options;
  const kept = new Set(Object.values(outputs));
  requireMeant(graph, options);
  const live = liveNodes(graph, [...kept], updates);
  const nodes = inPlace(frozen ? foldBatchNorms(live, kept) : live, kept);
  if (!recompute || graph.backwardFrom === undefined) return nodes;
  return recomputing(nodes, graph.backwardFrom, kept);
}

/** The chosen variant of every node, and the tensors that are stored in half precision. */
function lower(
  gpu: Gpu,
  nodes: readonly Node[],
  options: CompileOptions,
): { lowerings: Lowering[]; half: ReadonlySet<Tensor> } {
  checkLimits(gpu, nodes);
  const choice = options.choice ?? choiceOf(gpu);
  const { frozen = false, half = false } = options;
  if (half && !frozen) throw new PlanError("half precision is for frozen plans: training needs all digits");
  if (half && !gpu.caps.f16) throw new PlanError("half precision: this adapter has no shader-f16");
  const caps = { ...gpu.caps, frozen, half };
  const variantsOf = (kernel: Kernel): Lowering[] => {
    const all = kernel.lower(caps);
    // Split reductions may want more scratch memory than can be bound; the plain variants want none.
    const fitting = all.filter((v) => v.scratch.every((bytes) => bytes <= gpu.caps.maxBindingBytes));
    const variants = fitting.length > 0 ? fitting : all;
    if (options.plain) return [variants.at(-1)!];
    const chosen = choice?.(kernel, variants);
    return chosen ? [chosen] : variants;
  };
  const all: Candidates[] = [];
  const collect = (kernel: Kernel): Lowering => {
    const variants = variantsOf(kernel);
    all.push({ kernel: kernel.name, variants });
    return variants[0]!;
  };
  for (const { kernel } of nodes) lowerWithin(kernel, caps, collect);
  const chosen = worthCompiling(all);
  // Kernels come in the same order again.
  let next = 0;
  const lowerings = nodes.map(({ kernel }) => lowerWithin(kernel, caps, () => chosen[next++]!));
  if (!half) return { lowerings, half: new Set() };
  const isConstant = constants(nodes);
  const outputs = Object.values(options.outputs ?? {});
  const stored = halfTensors(nodes, lowerings, (tensor) => isConstant(tensor) || outputs.includes(tensor));
  return { lowerings: lowerings.map((l, i) => withHalf(l, nodes[i]!, stored)), half: stored };
}

const shadersOf = (lowerings: readonly Lowering[]): Shader[] => lowerings.flatMap((l) => l.dispatches).map(shaderOf);

/**
 * Whether a graph could be compiled as far as the adapter's limits are concerned; costs little.
 * @returns bytes of memory that it needs on the device at the least
 * @throws PlanError as `compile` does
 */
export function requireFit(gpu: Gpu, graph: Graph, options: CompileOptions): number {
  const nodes = nodesOf(graph, options);
  checkLimits(gpu, nodes);
  return leastBytes(nodes, Object.values(options.outputs ?? {}));
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
  // Updates come last: what is recorded after the first of two optimisers reads weights as they were before either.
  const ordered = graph.nodes.filter((node) => live.has(node));
  return [...ordered.filter((node) => !isUpdate(node)), ...ordered.filter(isUpdate)];
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
  gpu.write(buffer, 0, values);
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
