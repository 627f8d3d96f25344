/** Reverse-mode differentiation: records the backward pass in the graph of the forward pass. */
import { aKind, isList, sameShape, ShapeError, showShape } from "../kernels/kernel.ts";
import { MAX_INPUTS, pointwiseKernel } from "../kernels/pointwise.ts";
import { operandNames } from "../../shaders/pointwise.wgsl.ts";
import { graphOf, type Graph } from "../graph/graph.ts";
import { requireTensors, viewOf, type Node, type Tensor } from "../graph/tensor.ts";

/**
 * d loss / d t for each t of `wrt`, in their shapes. `loss` is a single number; or any tensor y, given its gradient `dy` in y's
 * shape, for the product of dy with the Jacobians (`grad_outputs` in PyTorch).
 * @throws TypeError if the loss does not depend on one of them, or an op on the way has no gradient
 */
export function gradients(loss: Tensor, wrt: readonly Tensor[], dy?: Tensor): Tensor[] {
  return gradientsWhereUsed(loss, wrt, dy).map((gradient, i) => {
    if (!gradient) throw new TypeError(`gradients: the loss does not depend on ${wrt[i]!.label}`);
    return gradient;
  });
}

/** The same, but undefined for each t that the loss does not depend on (`allow_unused` in PyTorch). */
export function gradientsWhereUsed(loss: Tensor, wrt: readonly Tensor[], dy?: Tensor): (Tensor | undefined)[] {
  if (!isList(wrt)) throw new TypeError(`gradients: expected an array of tensors, got ${aKind(wrt)}`);
  requireTensors("gradients", loss, ...wrt, ...(dy === undefined ? [] : [dy]));
  if (dy ? !sameShape(dy.shape, loss.shape) : loss.size !== 1) {
    const given = dy ? `a gradient ${showShape(dy.shape)} does not match` : "the loss must be a single number, got";
    throw new ShapeError(`gradients: ${given} ${showShape(loss.shape)}`);
  }
  const graph = graphOf("gradients", loss, ...(dy ? [dy] : []));
  const sources = wrt.map(({ base }) => base);
  const relevant = dependants(graph, sources);
  const recorded = graph.nodes.length;
  graph.backwardFrom ??= recorded;
  const pending = new Map<Tensor, Tensor[]>();
  const contribute = (tensor: Tensor, given: Tensor) => {
    // An op that read it in another shape gives its gradient in that one.
    const gradient = viewOf(given, tensor.shape);
    const list = pending.get(tensor);
    if (list) list.push(gradient);
    else pending.set(tensor, [gradient]);
  };
  const collect = (tensor: Tensor): Tensor | undefined => {
    const list = pending.get(tensor);
    if (!list) return undefined;
    const total = sum(graph, list);
    pending.set(tensor, [total]);
    return total;
  };
  contribute(loss.base, dy ?? graph.record(pointwiseKernel("one", [1], 0, "vec4f(1.0)"), [])[0]!);
  for (let id = recorded - 1; id >= 0; id--) {
    const node = graph.nodes[id]!;
    if (!relevant.has(node) || !node.outputs.some((t) => pending.has(t))) continue;
    graph.scope(`${node.layer}'`, () => {
      const dy = node.outputs.map(collect);
      const wanted = node.inputs.map((t) => wantsGradient(t, sources, relevant));
      if (!node.gradient) throw new TypeError(`${node.kernel.name} has no gradient`);
      for (const [i, gradient] of node.gradient(dy, wanted).entries()) {
        if (wanted[i] && gradient) contribute(node.inputs[i]!, gradient);
      }
    });
  }
  return wrt.map((tensor) => {
    const gradient = collect(tensor.base);
    return gradient && viewOf(gradient, tensor.shape);
  });
}

const wantsGradient = (t: Tensor, wrt: readonly Tensor[], relevant: ReadonlySet<Node>): boolean =>
  wrt.includes(t) || (t.source.kind === "node" && relevant.has(t.source.node));

/** The nodes whose outputs depend on a tensor of `wrt`. */
function dependants(graph: Graph, wrt: readonly Tensor[]): Set<Node> {
  const targets = new Set(wrt);
  const found = new Set<Node>();
  for (const node of graph.nodes) {
    const depends = node.inputs.some((t) => targets.has(t) || (t.source.kind === "node" && found.has(t.source.node)));
    if (depends) found.add(node);
  }
  return found;
}

/** The sum of tensors of one shape; if one of them comes from a kernel that can add the others itself, that kernel does. */
function sum(graph: Graph, terms: readonly Tensor[]): Tensor {
  if (terms.length === 1) return terms[0]!;
  const at = terms.findIndex((t) => t.source.kind === "node" && t.source.node.kernel.traits?.withAddend);
  const adding = terms[at];
  if (adding?.source.kind === "node") {
    const { node } = adding.source;
    // By its place: one tensor may be several terms.
    const others = terms.toSpliced(at, 1);
    const inputs = [...node.inputs, sum(graph, others)];
    return graph.scope(
      node.layer,
      () => graph.record(node.kernel.traits!.withAddend!(), inputs, { shapes: [adding.shape] })[0]!,
    );
  }
  const some = terms.slice(0, MAX_INPUTS);
  const expression = operandNames.slice(0, some.length).join(" + ");
  const total = graph.record(pointwiseKernel("accumulate", some[0]!.shape, some.length, expression), some)[0]!;
  return sum(graph, [total, ...terms.slice(MAX_INPUTS)]);
}
