/** Elides concatenated and enlarged tensors that only convolutions read: each convolution reads their sources itself. */
import { readShape } from "../../kernels/sources.ts";
import { offsetsOf } from "../../kernels/spatial.ts";
import { sameShape, type Source } from "../../kernels/kernel.ts";
import type { Node, Tensor } from "../tensor.ts";

/**
 * The same nodes without concatenations and twofold enlargements whose readers can all read the sources instead
 * (KernelTraits.withSources), and without slices of a gradient that its kernel can write directly (KernelTraits.splitOutput).
 * @param kept tensors that must be computed, such as outputs
 */
export function elideCopies(nodes: readonly Node[], kept: ReadonlySet<Tensor>): readonly Node[] {
  return splitGradients(readSources(nodes, kept), kept);
}

const readersOf = (nodes: readonly Node[]): Map<Tensor, Node[]> => {
  const readers = new Map<Tensor, Node[]>();
  for (const node of nodes)
    for (const tensor of node.inputs) readers.set(tensor, [...(readers.get(tensor) ?? []), node]);
  return readers;
};

interface Part extends Source {
  readonly tensor: Tensor;
}

function readSources(nodes: readonly Node[], kept: ReadonlySet<Tensor>): readonly Node[] {
  const readers = readersOf(nodes);
  const live = new Set(nodes);
  const removable = (tensor: Tensor): boolean =>
    !kept.has(tensor) && !tensor.within && tensor.source.kind === "node" && live.has(tensor.source.node);
  /** What a tensor is assembled from, unless others than reader `only` read it; the tensor itself where it is computed. */
  const partsOf = (tensor: Tensor, only?: Node): Part[] => {
    const itself = { tensor, shape: tensor.shape, enlarged: false };
    if (!removable(tensor) || tensor.source.kind !== "node") return [itself];
    if (only && readers.get(tensor)!.some((reader) => reader !== only)) return [itself];
    const { node } = tensor.source;
    const sources = node.kernel.traits?.sources;
    if (!sources) return [itself];
    return sources.flatMap(({ shape, enlarged }, i): Part[] => {
      const from = node.inputs[i]!;
      if (enlarged) return [{ tensor: from, shape, enlarged }];
      const parts = partsOf(from, node);
      return parts.every((part) => sameShape(readShape(part).slice(0, 3), shape.slice(0, 3)))
        ? parts
        : [{ tensor: from, shape, enlarged }];
    });
  };
  const replaced = new Map<Node, Node>();
  const gone = new Set<Node>();
  for (const node of nodes) {
    const [whole] = node.outputs;
    if (!node.kernel.traits?.sources || !whole || !removable(whole)) continue;
    const parts = partsOf(whole);
    const kernels = (readers.get(whole) ?? []).map((reader) => {
      const first = reader.inputs[0] === whole && !reader.inputs.slice(1).includes(whole);
      return first ? reader.kernel.traits?.withSources?.(parts) : undefined;
    });
    if (kernels.length === 0 || kernels.some((kernel) => kernel === undefined)) continue;
    for (const [i, reader] of readers.get(whole)!.entries()) {
      const inputs = [...parts.map(({ tensor }) => tensor), ...reader.inputs.slice(1)];
      replaced.set(reader, { ...reader, kernel: kernels[i]!, inputs });
    }
    gone.add(node);
  }
  const rest = nodes.filter((node) => !gone.has(node)).map((node) => replaced.get(node) ?? node);
  // Drop what only a removed concatenation read, such as an enlargement.
  const read = readersOf(rest);
  return rest.filter((node) => {
    if (!node.kernel.traits?.sources || node.updates.length > 0) return true;
    return node.outputs.some((tensor) => kept.has(tensor) || read.has(tensor) || !readers.has(tensor));
  });
}

function splitGradients(nodes: readonly Node[], kept: ReadonlySet<Tensor>): readonly Node[] {
  const readers = readersOf(nodes);
  const replaced = new Map<Node, Node>();
  const gone = new Set<Node>();
  for (const node of nodes) {
    const [whole] = node.outputs;
    const splitOutput = node.kernel.traits?.splitOutput;
    if (!splitOutput || !whole || kept.has(whole) || whole.within) continue;
    const slices = readers.get(whole) ?? [];
    const sorted = slices.toSorted(
      (a, b) => (a.kernel.traits?.slice?.offset ?? 0) - (b.kernel.traits?.slice?.offset ?? 0),
    );
    const channels = sorted.map(({ kernel }) => kernel.traits?.slice?.take ?? 0);
    const covered = offsetsOf(channels).every(({ offset }, i) => sorted[i]!.kernel.traits?.slice?.offset === offset);
    const total = channels.reduce((a, b) => a + b, 0);
    const inFours = channels.every((c) => c > 0 && c % 4 === 0);
    if (slices.length < 2 || !covered || !inFours || total !== whole.shape[3]) continue;
    const outputs = sorted.map((slice) => slice.outputs[0]!);
    replaced.set(node, { ...node, kernel: splitOutput(channels), outputs });
    for (const slice of slices) gone.add(slice);
  }
  return nodes.filter((node) => !gone.has(node)).map((node) => replaced.get(node) ?? node);
}
