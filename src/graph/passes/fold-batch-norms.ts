/** Folds batch normalisations with constant statistics into the convolutions before them, in plans for inference and in parts of training graphs that are not trained. */
import { foldKernel } from "../../kernels/fold.ts";
import type { Kernel } from "../../kernels/kernel.ts";
import { areApart, Tensor, type Node } from "../tensor.ts";
import { constants } from "./hoist.ts";

/**
 * The same nodes, with each batch normalisation of constant statistics, its residual and its ReLU folded into the convolution
 * before it: into its weights, its bias and what it does with a value before writing it.
 * @param kept tensors that must be computed as they are
 */
export function foldBatchNorms(nodes: readonly Node[], kept: ReadonlySet<Tensor>): Node[] {
  const isConstant = constants(nodes);
  const uses = new Map<Tensor, number>();
  for (const tensor of nodes.flatMap((node) => node.inputs)) uses.set(tensor, (uses.get(tensor) ?? 0) + 1);
  const folded = new Map<Node, Node[]>();
  for (const node of nodes) {
    const convolution = node.kernel.traits?.affine && foldable(node, kept, uses, isConstant);
    if (!convolution) continue;
    folded.set(convolution, []);
    folded.set(node, fold(convolution, node));
  }
  return nodes.flatMap((node) => folded.get(node) ?? [node]);
}

/** The convolution into which a batch normalisation can be folded. */
function foldable(
  { inputs: [x, ...parameters] }: Node,
  kept: ReadonlySet<Tensor>,
  uses: ReadonlyMap<Tensor, number>,
  isConstant: (tensor: Tensor) => boolean,
): Node | undefined {
  if (x?.source.kind !== "node" || uses.get(x) !== 1 || kept.has(x)) return undefined;
  const { node } = x.source;
  // Its weights, and its bias if it has one.
  const folded = [...node.inputs.slice(1), ...parameters.slice(0, 3)];
  const apart = areApart(folded) && parameters[3] !== node.inputs[0];
  return node.kernel.traits?.withEpilogue && folded.every(isConstant) && apart ? node : undefined;
}

function fold(convolution: Node, { kernel, inputs, operands, outputs, id }: Node): Node[] {
  const [, stats, gamma, beta, ...residual] = inputs;
  const [x, weight, ...own] = convolution.inputs;
  const { relu } = kernel.traits!.affine!;
  // Its channels are the last axis of the weight as the convolution reads it.
  const folding = node(
    foldKernel(convolution.operands[1]!.shape, own.length > 0),
    [weight!, stats!, gamma!, beta!, ...own],
    convolution.layer,
    id,
  );
  const [foldedWeight, bias] = folding.outputs as [Tensor, Tensor];
  const fused = convolution.kernel.traits!.withEpilogue!({ bias: true, plus: residual.length > 0, relu });
  const settings = { ...convolution.settings, relu };
  // It goes by the convolution's layer, whose weights it has.
  const whole = {
    ...{ ...convolution, kernel: fused, settings, outputs, id },
    inputs: [x!, foldedWeight, bias, ...residual],
    operands: [convolution.operands[0]!, foldedWeight, bias, ...operands.slice(4)],
  };
  return [folding, whole];
}

/** A node outside the graph's own list, with its own outputs. */
function node(kernel: Kernel, inputs: readonly Tensor[], layer: string, id: number): Node {
  const outputs: Tensor[] = [];
  const result: Node = { id, kernel, inputs, outputs, updates: [], gradient: undefined, operands: inputs, layer };
  for (const [index, spec] of kernel.outputs.entries()) {
    outputs.push(new Tensor(spec, { kind: "node", node: result, index }, inputs[0]?.graph));
  }
  return result;
}
