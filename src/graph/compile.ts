/** Turns a graph into a plan: drops dead nodes, shares memory by lifetime, makes pipelines and bind groups once. */
import { Gpu } from "../gpu/gpu.ts";
import { aKind, type OperandRef } from "../kernels/kernel.ts";
import { allocate } from "./arena.ts";
import { Graph } from "./graph.ts";
import type { CompileOptions, NamedTensors } from "./options.ts";
import { constants, hoistedBy, type IsHoisted } from "./passes/hoist.ts";
import { PlanError } from "./plan-error.ts";
import { Plan, type PlanSummary } from "./plan.ts";
import { schedule, shadersOf } from "./schedule.ts";
import { prepareStep, uniformsOf, type PlanStep } from "./steps.ts";
import { bytesOnDevice, homeOf, requireCurrent, type Home, type Region } from "./storage.ts";
import { Variable, type Node, type Tensor } from "./tensor.ts";

export { PlanError };
export type { CompileOptions, NamedTensors };

/**
 * Compiles what `outputs` and `updates` depend on.
 * Kernels whose tensors exceed the adapter's binding limit are cut into parts.
 * @throws PlanError naming layer, tensor and limit, if a tensor exceeds the adapter's limits even then; or if outputs and updates
 *   are missing, belong to another graph, or contradict the options
 * @throws GpuError if a variable was changed on another device and has no values on this one; OutOfMemoryError if the device has no
 *   memory for the plan, of which nothing is left then: the device can still be used
 */
export async function compile<Outputs extends NamedTensors = NamedTensors>(
  gpu: Gpu,
  graph: Graph,
  options: CompileOptions<Outputs>,
): Promise<Plan<Outputs>> {
  requireArguments(gpu, graph, options);
  gpu.check();
  const { nodes, lowerings, half, outputs } = await schedule(gpu, graph, options);
  const compiled = gpu.precompile(shadersOf(lowerings));
  compiled.catch(() => {}); // Awaited below; until then a rejection must not count as unhandled.
  const { frozen = false } = options;
  const isConstant = frozen ? constants(nodes) : () => false;
  const hoisted: IsHoisted = frozen ? hoistedBy(isConstant) : () => false;
  // Before variables, which may move: what has no memory then leaves them as they are.
  const { arena, inputs, uniforms } = await gpu.attempt(
    () => ({
      arena: allocate(gpu, nodes, lowerings, { outputs: Object.values(outputs), isConstant, hoisted, half }),
      inputs: placeInputs(gpu, nodes, outputs),
      uniforms: uniformsOf(gpu, lowerings),
    }),
    ({ arena, inputs, uniforms }) => {
      const regions = [...inputs.values()].map(({ region }) => region);
      for (const buffer of [...arena.buffers, ...uniforms.buffers, ...regions.map((r) => r.buffer)]) buffer.destroy();
    },
  );
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
  const pending = { hoisted: new Array<Promise<PlanStep>>(), steps: new Array<Promise<PlanStep>>() };
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
      const step = prepareStep(gpu, node, lowering.variant, dispatch, operand, uniforms.get(dispatch));
      pending[hoisted(node, dispatch) ? "hoisted" : "steps"].push(step);
    }
  }
  const [early, steps] = await Promise.all([Promise.all(pending.hoisted), Promise.all(pending.steps), compiled]);
  const summary: PlanSummary = {
    nodes: nodes.length,
    dispatches: steps.length,
    flops: nodes.reduce((sum, node) => sum + node.kernel.flops, 0),
    peakBytes: arena.bytes,
    lowerBoundBytes: arena.lowerBound,
    variableBytes: bytesOnDevice(variables.keys()),
  };
  const results = Object.entries(outputs).map(([name, tensor]) => {
    return { name, bytes: locate(tensor).bytes, region: () => locate(tensor) };
  });
  return new Plan(gpu, {
    hoisted: early,
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

/** Memory for the inputs that anything depends on. */
function placeInputs(gpu: Gpu, nodes: readonly Node[], outputs: NamedTensors) {
  const inputs = new Map<string, { region: Region; tensor: Tensor }>();
  for (const tensor of new Set([...nodes.flatMap((node) => node.inputs), ...Object.values(outputs)])) {
    if (tensor.source.kind !== "input") continue;
    const region = { buffer: gpu.createStorage(tensor.bytes, tensor.label), offset: 0, bytes: tensor.bytes };
    inputs.set(tensor.source.name, { region, tensor });
  }
  return inputs;
}

/**
 * Compiles the shaders of a graph in the background, where the driver would defer that, for a later `compile`.
 * @throws PlanError as `compile` does
 */
export async function compileAhead(gpu: Gpu, graph: Graph, options: CompileOptions): Promise<void> {
  const { lowerings } = await schedule(gpu, graph, options);
  await gpu.precompile(shadersOf(lowerings), { background: true });
}
