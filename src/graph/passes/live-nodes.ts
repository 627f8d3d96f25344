/** Drops dead nodes: those that no output or update depends on. */
import type { Graph } from "../graph.ts";
import { isUpdate, type Node, type Tensor } from "../tensor.ts";

/** The nodes that these outputs and updates depend on, in order, updates last. */
export function liveNodes(graph: Graph, outputs: readonly Tensor[], updates: readonly Node[]): Node[] {
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
  // Updates come last: what is recorded after the first of two optimisers reads the weights as they were before both.
  const ordered = graph.nodes.filter((node) => live.has(node));
  return [...ordered.filter((node) => !isUpdate(node)), ...ordered.filter(isUpdate)];
}
