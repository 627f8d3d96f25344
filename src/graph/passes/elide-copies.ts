/** Elides concatenated and enlarged tensors that only convolutions read: each convolution reads their sources itself. */
import { readShape } from "../../kernels/sources.ts";
import { sameShape, type Slice, type Source } from "../../kernels/kernel.ts";
import { areApart, type Node, type Tensor } from "../tensor.ts";

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
    const itself = { tensor, shape: tensor.shape };
    if (!removable(tensor) || tensor.source.kind !== "node") return [itself];
    if (only && readers.get(tensor)!.some((reader) => reader !== only)) return [itself];
    const { node } = tensor.source;
    const sources = node.kernel.traits?.assembly?.sources;
    if (!sources) return [itself];
    return sources.flatMap((source, i): Part[] => {
      const from = { ...source, tensor: node.inputs[i]! };
      if (source.enlarge) return [from];
      const parts = partsOf(from.tensor, node);
      const same = parts.every((part) => sameShape(readShape(part).slice(0, 3), source.shape.slice(0, 3)));
      return same ? parts : [from];
    });
  };
  const replaced = new Map<Node, Node>();
  const gone = new Set<Node>();
  for (const node of nodes) {
    const [whole] = node.outputs;
    const assembly = node.kernel.traits?.assembly;
    if (!assembly || !whole || !removable(whole)) continue;
    const parts = partsOf(whole);
    const kernels = (readers.get(whole) ?? []).map((reader) => {
      const rest = reader.inputs.slice(1);
      const first = reader.inputs[0] === whole && !rest.includes(whole);
      return first && areApart([...parts.map(({ tensor }) => tensor), ...rest])
        ? reader.kernel.traits?.withSources?.({ ...assembly, sources: parts })
        : undefined;
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
    if (!node.kernel.traits?.assembly || node.updates.length > 0) return true;
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
    const reading = readers.get(whole) ?? [];
    const sorted = reading.flatMap((reader) => {
      const { slice } = reader.kernel.traits ?? {};
      return slice ? [{ reader, slice }] : [];
    });
    sorted.sort((a, b) => a.slice.offset - b.slice.offset);
    const slices = sorted.map(({ slice }) => slice);
    if (slices.length < 2 || slices.length < reading.length || !deal(slices, whole.shape[3]!)) continue;
    const outputs = sorted.map(({ reader }) => reader.outputs[0]!);
    replaced.set(node, { ...node, kernel: splitOutput(slices), outputs });
    for (const reader of reading) gone.add(reader);
  }
  return nodes.filter((node) => !gone.has(node)).map((node) => replaced.get(node) ?? node);
}

/** Whether these runs, in order, are all channels, and each a multiple of four. */
function deal(slices: readonly Slice[], channels: number): boolean {
  let end = 0;
  for (const { offset, take } of slices) {
    if (offset !== end || take % 4 !== 0) return false;
    end += take;
  }
  return end === channels;
}
