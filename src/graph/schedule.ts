/** What a plan runs, in order, and with which variants: every pass over a graph, in the order in which they apply. */
import type { Capabilities } from "../gpu/capabilities.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { Shader } from "../gpu/shader.ts";
import {
  contextOf,
  exceedsBinding,
  shaderOf,
  type Kernel,
  type Lowering,
  type LoweringContext,
  type KernelModule,
} from "../kernels/kernel.ts";
import { choiceOf } from "./choice.ts";
import type { Graph } from "./graph.ts";
import { outputsOf, type CompileOptions } from "./options.ts";
import { foldBatchNorms } from "./passes/fold-batch-norms.ts";
import { constants } from "./passes/hoist.ts";
import { liveNodes } from "./passes/live-nodes.ts";
import type { Candidates } from "./passes/variant-selection.ts";
import { PlanError } from "./plan-error.ts";
import { requireMeant } from "./requests.ts";
import type { Node, Tensor } from "./tensor.ts";

type Seldom = typeof import("./seldom.ts");
const loadSeldom = (): Promise<Seldom> => import("./seldom.ts");

/** What a plan runs, and how. */
export interface Scheduled {
  /** In order. */
  readonly nodes: readonly Node[];
  /** The chosen variant of every node. */
  readonly lowerings: readonly Lowering[];
  /** The tensors that are stored in half precision. */
  readonly half: ReadonlySet<Tensor>;
  /** What a run returns, by name: tensors with memory of their own. */
  readonly outputs: Readonly<Record<string, Tensor>>;
}

/** Applies all passes to what outputs and updates depend on. @throws PlanError as `compile` does */
export async function schedule(gpu: Gpu, graph: Graph, options: CompileOptions): Promise<Scheduled> {
  const live = liveOf(graph, options);
  // As they are now: the caller may change them while modules are loaded.
  const choice = options.choice ?? choiceOf(gpu);
  const given = { ...options, ...(choice ? { choice } : {}) };
  const outputs = outputsOf(given);
  const passes = needsSeldom(gpu.caps, live, given) ? await loadSeldom() : undefined;
  const nodes = nodesOf(graph, given, live, passes);
  return { nodes, outputs, ...(await lowerNodes(gpu, nodes, given, passes)) };
}

/** What outputs and updates depend on. @throws PlanError unless they can be meant */
export function liveOf(graph: Graph, options: CompileOptions): readonly Node[] {
  requireMeant(graph, options);
  return liveNodes(graph, Object.values(outputsOf(options)), options.updates ?? []);
}

/** Whether the passes that few plans need have anything to do. */
function needsSeldom(caps: Capabilities, nodes: readonly Node[], { recompute, half }: CompileOptions): boolean {
  // Only a software adapter compiles so slowly that the choice of variants depends on it.
  if (recompute || half || caps.adapterClass === "software") return true;
  return nodes.some(({ kernel }) => kernel.traits?.assembly ?? kernel.traits?.slice ?? exceedsBinding(kernel, caps));
}

/** What a plan runs, in order, of live nodes; `passes` where anything needs them. */
export function nodesOf(
  graph: Graph,
  options: CompileOptions,
  live: readonly Node[],
  passes: Seldom | undefined,
): readonly Node[] {
  const { recompute = false, frozen = false } = options;
  const kept = new Set(Object.values(outputsOf(options)));
  // A training graph has batch normalisations with constant statistics only in parts that are not trained.
  const folds = frozen || graph.evaluating.length > 0;
  // What is read in another shape stays as it is, too: passes match the sizes of neighbours.
  const fixed = new Set([...kept, ...live.flatMap(({ outputs }) => outputs.filter(({ viewed }) => viewed))]);
  const folded = folds ? foldBatchNorms(live, fixed) : live;
  if (!passes) return folded;
  const nodes = passes.elideCopies(folded, fixed);
  if (!recompute || graph.backwardFrom === undefined) return nodes;
  return passes.recompute(nodes, graph.backwardFrom, kept);
}

/** Loads what the nodes' kernels need: with `every`, what any of their variants needs. */
async function withModules(
  nodes: readonly Node[],
  context: LoweringContext,
  every: boolean,
  passes: Seldom | undefined,
): Promise<LoweringContext> {
  const loading: Record<KernelModule, () => Promise<object>> = {
    seldom: async () => passes ?? (await loadSeldom()),
    winograd: () => import("../kernels/winograd.ts"),
    "batchnorm-subgroup": () => import("../kernels/batchnorm-subgroup.ts"),
  };
  const wanted = new Set(
    nodes.flatMap(({ kernel }) => {
      // What the parts of a kernel need may depend on their size.
      const all = kernel.needs && (every || exceedsBinding(kernel, context.caps));
      return all ? (Object.keys(loading) as KernelModule[]) : (kernel.needs?.(context) ?? []);
    }),
  );
  const loaded = await Promise.all([...wanted].map(async (name) => [name, await loading[name]()] as const));
  return { ...context, loaded: Object.fromEntries(loaded) };
}

async function lowerNodes(
  gpu: Gpu,
  nodes: readonly Node[],
  options: CompileOptions,
  passes: Seldom | undefined,
): Promise<Pick<Scheduled, "lowerings" | "half">> {
  const { frozen = false, half = false, plain = false, choice } = options;
  passes?.requireWithinLimits(gpu, nodes);
  if (half && !frozen) throw new PlanError("half precision needs a frozen plan: training needs full precision");
  if (half && !gpu.caps.f16) throw new PlanError("half precision: this adapter has no shader-f16", { code: "limit" });
  const unloaded = contextOf(gpu.caps, { frozen, half });
  const context = await withModules(nodes, unloaded, plain || choice !== undefined, passes);
  const variantsOf = (kernel: Kernel): Lowering[] => {
    const all = kernel.lower(context);
    // Split reductions may need more scratch memory than can be bound; the plain variants need none.
    const fitting = all.filter((v) => v.scratch.every((bytes) => bytes <= gpu.caps.maxBindingBytes));
    const variants = fitting.length > 0 ? fitting : all;
    if (plain) return [variants.at(-1)!];
    const chosen = choice?.(kernel, variants);
    return chosen ? [chosen] : variants;
  };
  if (!passes) return { lowerings: nodes.map(({ kernel }) => variantsOf(kernel)[0]!), half: new Set() };
  const all: Candidates[] = [];
  const collect = (kernel: Kernel): Lowering => {
    const variants = variantsOf(kernel);
    all.push({ kernel: kernel.name, variants });
    return variants[0]!;
  };
  for (const { kernel } of nodes) passes.lowerWithin(kernel, context, collect);
  const chosen = passes.selectVariants(all);
  // The kernels come in the same order again.
  let next = 0;
  const lowerings = nodes.map(({ kernel }) => passes.lowerWithin(kernel, context, () => chosen[next++]!));
  if (!half) return { lowerings, half: new Set() };
  const isConstant = constants(nodes);
  const outputs = Object.values(outputsOf(options));
  const stored = passes.halfTensors(nodes, lowerings, (tensor) => isConstant(tensor) || outputs.includes(tensor));
  return { lowerings: lowerings.map((l, i) => passes.withHalf(l, nodes[i]!, stored)), half: stored };
}

export const shadersOf = (lowerings: readonly Lowering[]): Shader[] =>
  lowerings.flatMap((l) => l.dispatches).map(shaderOf);
