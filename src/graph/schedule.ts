/** What a plan runs, in order, and with which variants: every pass over a graph, in the order in which they apply. */
import type { Gpu } from "../gpu/gpu.ts";
import { contextOf, shaderOf, type Kernel, type Lowering } from "../kernels/kernel.ts";
import type { Shader } from "../gpu/shader.ts";
import { lowerWithin } from "../kernels/parts.ts";
import { choiceOf } from "./choice.ts";
import type { Graph } from "./graph.ts";
import { requireWithinLimits } from "./limits.ts";
import { outputsOf, type CompileOptions } from "./options.ts";
import { elideCopies } from "./passes/elide-copies.ts";
import { foldBatchNorms } from "./passes/fold-batch-norms.ts";
import { halfTensors, withHalf } from "./passes/half-precision.ts";
import { constants } from "./passes/hoist.ts";
import { liveNodes } from "./passes/live-nodes.ts";
import { recompute } from "./passes/recompute.ts";
import { selectVariants, type Candidates } from "./passes/variant-selection.ts";
import { PlanError } from "./plan-error.ts";
import { requireMeant } from "./requests.ts";
import type { Node, Tensor } from "./tensor.ts";

/** What a plan runs, in order. */
export function nodesOf(graph: Graph, options: CompileOptions): readonly Node[] {
  requireMeant(graph, options);
  const { updates = [], recompute: recomputes = false, frozen = false } = options;
  const kept = new Set(Object.values(outputsOf(options)));
  const live = liveNodes(graph, [...kept], updates);
  // A training graph has batch normalisations with constant statistics only in parts that are not trained.
  const folds = frozen || graph.evaluating.length > 0;
  // What is read in another shape stays as it is, too: passes match the sizes of neighbours.
  const fixed = new Set([...kept, ...live.flatMap(({ outputs }) => outputs.filter(({ viewed }) => viewed))]);
  const nodes = elideCopies(folds ? foldBatchNorms(live, fixed) : live, fixed);
  if (!recomputes || graph.backwardFrom === undefined) return nodes;
  return recompute(nodes, graph.backwardFrom, kept);
}

/** The chosen variant of every node, and the tensors that are stored in half precision. */
export function lowerNodes(
  gpu: Gpu,
  nodes: readonly Node[],
  options: CompileOptions,
): { lowerings: Lowering[]; half: ReadonlySet<Tensor> } {
  requireWithinLimits(gpu, nodes);
  const choice = options.choice ?? choiceOf(gpu);
  const { frozen = false, half = false } = options;
  if (half && !frozen) throw new PlanError("half precision needs a frozen plan: training needs full precision");
  if (half && !gpu.caps.f16) throw new PlanError("half precision: this adapter has no shader-f16", { code: "limit" });
  const context = contextOf(gpu.caps, { frozen, half });
  const variantsOf = (kernel: Kernel): Lowering[] => {
    const all = kernel.lower(context);
    // Split reductions may need more scratch memory than can be bound; the plain variants need none.
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
  for (const { kernel } of nodes) lowerWithin(kernel, context, collect);
  const chosen = selectVariants(all);
  // The kernels come in the same order again.
  let next = 0;
  const lowerings = nodes.map(({ kernel }) => lowerWithin(kernel, context, () => chosen[next++]!));
  if (!half) return { lowerings, half: new Set() };
  const isConstant = constants(nodes);
  const outputs = Object.values(outputsOf(options));
  const stored = halfTensors(nodes, lowerings, (tensor) => isConstant(tensor) || outputs.includes(tensor));
  return { lowerings: lowerings.map((l, i) => withHalf(l, nodes[i]!, stored)), half: stored };
}

export const shadersOf = (lowerings: readonly Lowering[]): Shader[] =>
  lowerings.flatMap((l) => l.dispatches).map(shaderOf);
