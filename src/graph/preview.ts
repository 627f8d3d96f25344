/** What a graph would run and need, without compiling it. */
import type { Gpu } from "../gpu/gpu.ts";
import type { Kernel } from "../kernels/kernel.ts";
import { leastBytes } from "./arena.ts";
import type { Graph } from "./graph.ts";
import { requireWithinLimits } from "./limits.ts";
import { outputsOf, type CompileOptions } from "./options.ts";
import * as seldom from "./seldom.ts";
import { liveOf, nodesOf } from "./schedule.ts";
import type { Node } from "./tensor.ts";

/** The nodes that a compiled graph would run, in order. @throws PlanError as `compile` does */
export const previewOf = (graph: Graph, options: CompileOptions): readonly Node[] =>
  nodesOf(graph, options, liveOf(graph, options), seldom);

/** The kernels that a compiled graph would run, in order. */
export const kernelsOf = (graph: Graph, options: CompileOptions): Kernel[] =>
  previewOf(graph, options).map((node) => node.kernel);

/**
 * Checks a graph against the adapter's limits; cheap.
 * @returns a lower bound on the device memory it needs, in bytes
 * @throws PlanError as `compile` does
 */
export function requireFit(gpu: Gpu, graph: Graph, options: CompileOptions): number {
  const nodes = previewOf(graph, options);
  requireWithinLimits(gpu, nodes);
  return leastBytes(nodes, Object.values(outputsOf(options)));
}
