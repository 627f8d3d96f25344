/** Whether what is to be compiled can be meant: nothing that would be left out, or computed otherwise than expected, without a word. */
import { aKind } from "../kernels/kernel.ts";
import type { CompileOptions } from "./compile.ts";
import type { Graph } from "./graph.ts";
import { PlanError } from "./plan.ts";
import { Tensor, type Node } from "./tensor.ts";

/** @throws PlanError that says what is wrong with outputs and updates */
export function requireMeant(graph: Graph, { outputs = {}, updates, frozen = false }: CompileOptions): void {
  for (const [name, tensor] of Object.entries(outputs) as [string, unknown][]) {
    if (!(tensor instanceof Tensor)) throw new PlanError(`compile: output ${name} is ${aKind(tensor)}, not a tensor`);
    if (tensor.graph && tensor.graph !== graph) {
      throw new PlanError(`compile: output ${name} (${tensor.label}) belongs to another graph`);
    }
    if (tensor.dtype !== "f32") {
      throw new PlanError(`compile: output ${name} (${tensor.label}) holds ${tensor.dtype}; a run hands back f32 only`);
    }
  }
  for (const node of updates ?? []) {
    if (graph.nodes[node.id] === node) continue;
    throw new PlanError(`compile: among the updates, ${node.kernel.name} belongs to another graph`);
  }
  const recorded = graph.nodes.filter(isUpdate);
  if (updates === undefined && recorded.length > 0) {
    const names = [...new Set(recorded.map(({ kernel }) => kernel.name))].join(", ");
    throw new PlanError(
      `compile: the graph records updates (${names}) that would not be run: pass them as updates, or [] to leave them out`,
    );
  }
  if (Object.keys(outputs).length === 0 && !updates?.length) {
    throw new PlanError("compile: neither outputs nor updates are asked for; the plan would do nothing");
  }
  if (frozen && graph.training) {
    throw new PlanError("compile: a frozen plan is for inference, and this graph is one of training; record it anew");
  }
  if (frozen && updates?.length) {
    throw new PlanError("compile: in a frozen plan variables stay as they are, so it can have no updates");
  }
}

/** Whether a node is there for what it updates alone. */
const isUpdate = ({ outputs, updates }: Node): boolean => outputs.length === 0 && updates.length > 0;
