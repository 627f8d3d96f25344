/** Checks the arguments of `compile`, so that nothing is silently left out or computed otherwise than expected. */
import { aKind, isList, kindOf } from "../kernels/kernel.ts";
import type { Graph } from "./graph.ts";
import type { CompileOptions } from "./options.ts";
import { PlanError } from "./plan-error.ts";
import { isUpdate, Tensor, type Node } from "./tensor.ts";

/** @throws PlanError that says what is wrong with outputs and updates */
export function requireMeant(graph: Graph, options: CompileOptions): void {
  const { outputs = {}, updates, frozen = false } = options;
  for (const name of Object.keys(options)) {
    if (known.has(name)) continue;
    throw new PlanError(`compile: unknown option ${name}; the options are ${[...known].join(", ")}`);
  }
  for (const name of ["plain", "frozen", "half", "recompute"] as const) {
    const value: unknown = options[name];
    if (value === undefined || typeof value === "boolean") continue;
    throw new PlanError(`compile: ${name} is true or false, got ${aKind(value)}`);
  }
  if (!isPlain(outputs)) throw new PlanError("compile: outputs must be a plain object of tensors by name");
  if (updates !== undefined && !isList(updates)) {
    throw new PlanError(`compile: updates must be an array of nodes, got ${aKind(updates)}`);
  }
  for (const [name, tensor] of Object.entries(outputs) as [string, unknown][]) {
    if (!(tensor instanceof Tensor)) throw new PlanError(`compile: output ${name} is ${aKind(tensor)}, not a tensor`);
    if (tensor.graph && tensor.graph !== graph) {
      throw new PlanError(`compile: output ${name} (${tensor.label}) belongs to another graph`);
    }
    if (tensor.dtype !== "f32") {
      throw new PlanError(`compile: output ${name} (${tensor.label}) holds ${tensor.dtype}; a run returns f32 only`);
    }
  }
  for (const node of updates ?? []) {
    if (!(node as Partial<Node> | null | undefined)?.kernel) {
      throw new PlanError(`compile: updates contains ${aKind(node)}, not a node of the graph`);
    }
    if (graph.nodes[node.id] === node) continue;
    throw new PlanError(`compile: the update ${node.kernel.name} belongs to another graph`);
  }
  const recorded = graph.nodes.filter(isUpdate);
  if (updates === undefined && recorded.length > 0) {
    const names = [...new Set(recorded.map(({ kernel }) => kernel.name))].join(", ");
    throw new PlanError(
      `compile: the graph records updates (${names}) that would not be run: pass them as updates, or [] to leave them out`,
    );
  }
  if (Object.keys(outputs).length === 0 && !updates?.length) {
    throw new PlanError("compile: no outputs and no updates: the plan would do nothing");
  }
  if (frozen && graph.training) {
    throw new PlanError(
      "compile: a frozen plan is for inference, and this graph was recorded for training; record a new one",
    );
  }
  if (frozen && updates?.length) {
    throw new PlanError("compile: a frozen plan keeps its variables as they are, so it cannot have updates");
  }
}

const known: ReadonlySet<string> = new Set<keyof CompileOptions>([
  "outputs",
  "updates",
  "plain",
  "choice",
  "frozen",
  "half",
  "recompute",
]);

/** Whether an object is a plain one, such as an object literal. */
function isPlain(value: object): boolean {
  if (kindOf(value) !== "Object") return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
