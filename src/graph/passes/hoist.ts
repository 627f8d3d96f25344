/** What a plan for inference computes once, before its runs: whatever depends only on variables. */
import type { Dispatch } from "../../kernels/kernel.ts";
import { Variable, type Node, type Tensor } from "../tensor.ts";

/** Whether a tensor depends only on variables; `nodes` in order. */
export function constants(nodes: readonly Node[]): (tensor: Tensor) => boolean {
  const found = new Set<Tensor>();
  const isConstant = (tensor: Tensor) => tensor instanceof Variable || found.has(tensor);
  for (const node of nodes) {
    if (node.updates.length > 0 || node.inputs.length === 0 || !node.inputs.every(isConstant)) continue;
    for (const tensor of node.outputs) found.add(tensor);
  }
  return isConstant;
}

/** Whether a dispatch of a node is hoisted out of the runs: all that it reads, or all that it depends on, is constant. */
export type IsHoisted = (node: Node, dispatch: Dispatch) => boolean;

export const hoistedBy =
  (isConstant: (tensor: Tensor) => boolean): IsHoisted =>
  (node, { dependsOn }) =>
    node.outputs.every(isConstant) || (dependsOn?.every((i) => isConstant(node.inputs[i]!)) ?? false);
