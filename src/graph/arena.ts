/** Device memory for what lives within one run of a plan, or from run to run. */
import type { Gpu } from "../gpu/gpu.ts";
import { bytesOf, type Dispatch, type Lowering } from "../kernels/kernel.ts";
import { lowerBound, planMemory, type Lifetime } from "./memory.ts";
import { bytesOnDevice, type Region } from "./storage.ts";
import { Variable, type Node, type Tensor } from "./tensor.ts";

/** What outlives its uses within a run, or takes less memory. */
interface Lasting {
  outputs: readonly Tensor[];
  isConstant: (tensor: Tensor) => boolean;
  /** Whether a dispatch runs once, before all runs. */
  hoisted: (node: Node, dispatch: Dispatch) => boolean;
  /** What is stored in half precision. */
  half: ReadonlySet<Tensor>;
}

/** Allocates memory for everything that lives within one run, or from run to run. */
export function allocate(
  gpu: Gpu,
  nodes: readonly Node[],
  lowerings: readonly Lowering[],
  { outputs, isConstant, hoisted, half }: Lasting,
) {
  const owner = (tensor: Tensor): Tensor => tensor.within?.base ?? tensor;
  const lifetimes = new Map<Tensor, { bytes: number; first: number; last: number }>();
  const touch = (tensor: Tensor, step: number) => {
    if (tensor instanceof Variable || tensor.source.kind === "input") return;
    const base = owner(tensor);
    const life = lifetimes.get(base);
    if (life) {
      life.first = Math.min(life.first, step);
      life.last = Math.max(life.last, step);
    } else lifetimes.set(base, { bytes: bytesOf(base) / (half.has(base) ? 2 : 1), first: step, last: step });
  };
  for (const [step, node] of nodes.entries()) {
    for (const tensor of [...node.outputs, ...node.inputs]) touch(tensor, step);
  }
  for (const tensor of outputs) touch(tensor, nodes.length);
  // Constants that only feed other constants are needed once, before all runs, when there is enough memory.
  const read = readInRuns(nodes, lowerings, hoisted);
  for (const tensor of [...lifetimes.keys()].filter((t) => isConstant(t) && read.has(t))) {
    touch(tensor, 0);
    touch(tensor, nodes.length);
  }
  const owners = [...lifetimes.keys()];
  const scratchKeys = lowerings.flatMap((lowering, step) => lowering.scratch.map((bytes, k) => ({ step, k, bytes })));
  /** Whether scratch memory must persist from run to run. */
  const lasts = (step: number, k: number) =>
    lowerings[step]!.dispatches.some(
      (d) => hoisted(nodes[step]!, d) && d.bindings.some((ref) => ref.role === "scratch" && ref.index === k),
    );
  const requests: Lifetime[] = [
    ...lifetimes.values(),
    ...scratchKeys.map(({ step, k, bytes }) =>
      lasts(step, k) ? { bytes, first: 0, last: nodes.length } : { bytes, first: step, last: step },
    ),
  ];
  const { places, pages, lowerBound: least } = planMemory(requests, gpu.caps.offsetAlignment, gpu.caps.maxBufferBytes);
  const buffers = pages.map((bytes, i) => gpu.createStorage(bytes, `arena ${i}`));
  const regions = places.map(({ page, offset }, i): Region => {
    return { buffer: buffers[page]!, offset, bytes: requests[i]!.bytes };
  });
  const index = new Map(owners.map((tensor, i) => [tensor, i]));
  const scratchIndex = new Map(scratchKeys.map(({ step, k }, i) => [`${step}.${k}`, owners.length + i]));
  return {
    bytes: pages.reduce((a, b) => a + b, 0),
    lowerBound: least,
    buffers,
    region(tensor: Tensor): Region {
      const region = regions[index.get(owner(tensor))!]!;
      return tensor.within
        ? { buffer: region.buffer, offset: region.offset + tensor.within.offset, bytes: tensor.bytes }
        : region;
    },
    scratch: (step: number, k: number): Region => regions[scratchIndex.get(`${step}.${k}`)!]!,
  };
}

/**
 * The fewest bytes that a run of these nodes takes: what is alive at once, inputs and variables, scratch memory aside.
 */
export function leastBytes(nodes: readonly Node[], outputs: readonly Tensor[]): number {
  const lifetimes = new Map<Tensor, { bytes: number; first: number; last: number }>();
  const inputs = new Set<Tensor>();
  const variables = new Set<Variable>();
  const touch = (tensor: Tensor, step: number) => {
    const base = tensor.within?.base ?? tensor;
    if (base instanceof Variable) return void variables.add(base);
    if (base.source.kind === "input") return void inputs.add(base);
    const life = lifetimes.get(base) ?? { bytes: bytesOf(base), first: step, last: step };
    lifetimes.set(base, { ...life, last: step });
  };
  for (const [step, node] of nodes.entries()) {
    for (const tensor of [...node.outputs, ...node.inputs, ...node.updates]) touch(tensor, step);
  }
  for (const tensor of outputs) touch(tensor, nodes.length);
  const given = [...inputs].reduce((sum, tensor) => sum + tensor.bytes, 0);
  return lowerBound([...lifetimes.values()]) + given + bytesOnDevice(variables);
}

/** The tensors that a run reads: all but those read only by hoisted dispatches. */
function readInRuns(
  nodes: readonly Node[],
  lowerings: readonly Lowering[],
  hoisted: Lasting["hoisted"],
): ReadonlySet<Tensor> {
  const read = new Set<Tensor>();
  for (const [i, node] of nodes.entries()) {
    for (const dispatch of lowerings[i]!.dispatches.filter((d) => !hoisted(node, d))) {
      for (const { role, index } of dispatch.bindings) {
        const tensor = role === "input" ? node.inputs[index]! : undefined;
        if (tensor) read.add(tensor.within?.base ?? tensor);
      }
    }
  }
  return read;
}
