/** Stores activations in half precision, in inference plans. */
import { storingHalf } from "../../../shaders/lib/storing-half.ts";
import type { Dispatch, Lowering, OperandRef } from "../../kernels/kernel.ts";
import type { Node, Tensor } from "../tensor.ts";

/** Whether a dispatch binds a range of an operand, which would have to be adjusted. */
const cuts = ({ dispatches }: Lowering): boolean =>
  dispatches.some(({ bindings }) => bindings.some(({ range }) => range !== undefined));

/**
 * The activations [N, H, W, C] that may be stored in half precision: what nodes pass to each other.
 * @param kept tensors that must stay f32, such as a plan's outputs
 */
export function halfTensors(
  nodes: readonly Node[],
  lowerings: readonly Lowering[],
  kept: (tensor: Tensor) => boolean,
): ReadonlySet<Tensor> {
  const fits = (t: Tensor) => t.dtype === "f32" && t.shape.length === 4 && t.size % 4 === 0 && !t.within && !kept(t);
  const found = new Set(nodes.flatMap((node) => (node.updates.length > 0 ? [] : node.outputs)).filter(fits));
  for (const [i, node] of nodes.entries()) {
    if (cuts(lowerings[i]!)) for (const tensor of [...node.inputs, ...node.outputs]) found.delete(tensor);
  }
  return found;
}

/** The lowering of a node, with some of its operands stored in half precision. */
export function withHalf(lowering: Lowering, node: Node, half: ReadonlySet<Tensor>): Lowering {
  const stored = ({ role, index }: OperandRef): boolean =>
    (role === "input" && half.has(node.inputs[index]!)) || (role === "output" && half.has(node.outputs[index]!));
  const rewrite = (dispatch: Dispatch): Dispatch => {
    const indices = dispatch.bindings.flatMap((ref, i) => (stored(ref) ? [i] : []));
    return indices.length === 0 ? dispatch : { ...dispatch, code: storingHalf(dispatch.code, indices) };
  };
  return { ...lowering, dispatches: lowering.dispatches.map(rewrite) };
}
