/** Recomputes cheap activations in the backward pass instead of keeping them. */
import { Tensor, type Node } from "../tensor.ts";

/** Limits to try for the chain of cheap kernels that may run again for one tensor. */
const MAX_CHAIN_LENGTHS = [1, 2, 3, 4];

/**
 * The nodes, with cheap ones (KernelTraits.cheap) repeated in the backward pass, right before they are first read there, where
 * that saves memory. The same kernels run on the same values, so the results are bit-identical.
 *
 * A chain of recomputed tensors, such as the sums of residual blocks, would have to be recomputed from its beginning, with all of it alive.
 * So one in every few is kept; several distances are tried.
 * @param backwardFrom id of the first node of the backward pass
 * @param kept tensors that the plan returns
 */
export function recompute(nodes: readonly Node[], backwardFrom: number, kept: ReadonlySet<Tensor>): readonly Node[] {
  let best = nodes;
  let least = peakBytes(nodes, kept);
  for (const depth of MAX_CHAIN_LENGTHS) {
    const candidate = repeat(nodes, backwardFrom, kept, depth);
    const bytes = peakBytes(candidate, kept);
    if (bytes < least) [best, least] = [candidate, bytes];
  }
  return best;
}

/** The cost of a tensor in the backward pass: kernels to run again in a chain, and bytes kept for it alone. */
interface Cost {
  depth: number;
  bytes: number;
}

function repeat(nodes: readonly Node[], backwardFrom: number, kept: ReadonlySet<Tensor>, most: number): Node[] {
  const read = new Set(nodes.filter((node) => node.id >= backwardFrom).flatMap((node) => node.inputs));
  const depths = new Map<Tensor, number>();
  const costOf = (tensor: Tensor): Cost => {
    const known = depths.get(tensor);
    if (known !== undefined) return { depth: known, bytes: 0 };
    const { source } = tensor;
    if (source.kind !== "node" || read.has(tensor) || kept.has(tensor)) return { depth: 0, bytes: 0 };
    const again = repeatable(source.node) ? costOfNode(source.node) : undefined;
    return again && again.bytes < tensor.bytes ? again : { depth: 0, bytes: tensor.bytes };
  };
  const costOfNode = (node: Node): Cost => {
    const costs = node.inputs.map(costOf);
    return {
      depth: 1 + Math.max(0, ...costs.map((c) => c.depth)),
      bytes: costs.reduce((sum, c) => sum + c.bytes, 0),
    };
  };
  const result: Node[] = [];
  const copies = new Map<Tensor, Tensor>();
  const wanted = (tensor: Tensor): boolean => {
    const { source } = tensor;
    if (source.kind !== "node" || source.node.id >= backwardFrom) return false;
    if (depths.has(tensor)) return true;
    // In between: not read in the backward pass itself, but by something that is repeated.
    return !read.has(tensor) && !kept.has(tensor) && costOf(tensor).depth > 0;
  };
  const again = (tensor: Tensor): Tensor => {
    if (!wanted(tensor)) return tensor;
    const present = copies.get(tensor);
    if (present) return present;
    const { source } = tensor;
    if (source.kind !== "node") return tensor;
    const { node } = source;
    const outputs: Tensor[] = [];
    const copy: Node = { ...node, inputs: node.inputs.map(again), outputs };
    for (const [index, output] of node.outputs.entries()) {
      outputs.push(new Tensor(output, { kind: "node", node: copy, index }, output.graph));
      copies.set(output, outputs[index]!);
    }
    result.push(copy);
    return copies.get(tensor)!;
  };
  for (const node of nodes) {
    if (node.id < backwardFrom) {
      result.push(node);
      const outputs = node.outputs.filter((t) => read.has(t));
      if (outputs.length === 0 || !repeatable(node) || node.outputs.some((t) => kept.has(t) || t.within)) continue;
      const { depth, bytes } = costOfNode(node);
      const saved = outputs.reduce((sum, t) => sum + t.bytes, 0);
      if (depth <= most && bytes < saved) for (const t of outputs) depths.set(t, depth);
      continue;
    }
    const inputs = node.inputs.map(again);
    result.push(inputs.some((t, i) => t !== node.inputs[i]) ? { ...node, inputs } : node);
  }
  return result;
}

const repeatable = (node: Node): boolean => node.kernel.traits?.cheap === true && node.updates.length === 0;

/** The largest sum of bytes alive at once, scratch memory aside. */
function peakBytes(nodes: readonly Node[], kept: ReadonlySet<Tensor>): number {
  const lives = new Map<Tensor, { first: number; last: number }>();
  const touch = (tensor: Tensor, step: number) => {
    if (tensor.source.kind === "input" || tensor.source.kind === "variable") return;
    const base = tensor.within?.base ?? tensor;
    const life = lives.get(base);
    if (life) life.last = step;
    else lives.set(base, { first: step, last: step });
  };
  for (const [step, node] of nodes.entries()) for (const t of [...node.outputs, ...node.inputs]) touch(t, step);
  for (const tensor of kept) touch(tensor, nodes.length);
  const change = new Float64Array(nodes.length + 2);
  for (const [tensor, { first, last }] of lives) {
    change[first]! += tensor.bytes;
    change[last + 1]! -= tensor.bytes;
  }
  let alive = 0;
  return change.reduce((most, bytes) => Math.max(most, (alive += bytes)), 0);
}
