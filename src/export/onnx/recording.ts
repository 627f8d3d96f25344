/** A network's inference graph, recorded for two numbers of samples: where the recordings differ, the number counts. */
import { Graph } from "../../graph/graph.ts";
import type { NamedTensors } from "../../graph/options.ts";
import { foldBatchNorms } from "../../graph/passes/fold-batch-norms.ts";
import { liveNodes } from "../../graph/passes/live-nodes.ts";
import { Tensor, Variable, type Node } from "../../graph/tensor.ts";
import { aKind, requireShape } from "../../kernels/kernel.ts";
import { ExportError } from "../half.ts";
import { SampleSizes } from "./sample-sizes.ts";

/** A graph with its input and its outputs. */
export interface Recording {
  readonly graph: Graph;
  readonly image: Tensor;
  readonly outputs: NamedTensors;
  /** What the outputs depend on, in order. */
  readonly nodes: readonly Node[];
}

/** Numbers of samples of the recordings: not 1, since what has size 1 is repeated. */
const COUNTS = [2, 3] as const;

/**
 * Records a network for two numbers of samples.
 * @param fold whether batch normalisations become part of the convolutions before them
 * @returns both, each with the sizes of its tensors
 * @throws ExportError if it takes a fixed number, or is another one for each; what `infer` throws
 */
export function recordTwice(
  infer: (image: Tensor) => NamedTensors,
  sample: readonly number[],
  fold: boolean,
): readonly { recording: Recording; sizes: SampleSizes }[] {
  const [one, other] = COUNTS.map((count) => recordFor(infer, sample, count, fold)) as [Recording, Recording];
  const sizes = [new SampleSizes(COUNTS), new SampleSizes([COUNTS[1], COUNTS[0]])] as const;
  const pair = (a: Tensor, b: Tensor) => {
    sizes[0].pair(a, b);
    sizes[1].pair(b, a);
  };
  const same = (list: (recording: Recording) => readonly unknown[]) => JSON.stringify(list(one)) === JSON.stringify(list(other)); // prettier-ignore
  const isSame =
    same(({ outputs }) => Object.keys(outputs)) &&
    same(({ nodes }) => nodes.map(({ kernel, operands, outputs }) => [kernel.name, operands.length, outputs.length]));
  if (!isSame) {
    throw new ExportError(
      `toOnnx: the network records other ops for ${COUNTS[0]} samples than for ${COUNTS[1]}; ` +
        "those of an export are the same for any number of them",
    );
  }
  const all = ({ image, outputs, nodes }: Recording) => [
    image,
    ...Object.values(outputs),
    ...nodes.flatMap((node) => [...node.inputs, ...node.operands, ...node.outputs]),
  ];
  const others = all(other);
  for (const [i, tensor] of all(one).entries()) pair(tensor, others[i]!);
  return [one, other].map((recording, i) => ({ recording, sizes: sizes[i]! }));
}

function recordFor(
  infer: (image: Tensor) => NamedTensors,
  sample: readonly number[],
  count: number,
  fold: boolean,
): Recording {
  try {
    return recorded(infer, sample, count, fold);
  } catch (error) {
    // What is wrong for one sample, too, says so itself.
    recorded(infer, sample, 1, fold);
    throw new ExportError(
      `toOnnx: the network takes one sample, but not ${count}: ${(error as Error).message}; ` +
        "where the number of samples is meant, write x.shape[0], or -1 in reshape",
      { cause: error },
    );
  }
}

function recorded(
  infer: (image: Tensor) => NamedTensors,
  sample: readonly number[],
  count: number,
  fold: boolean,
): Recording {
  const graph = new Graph();
  const image = graph.input("image", [count, ...sample]);
  const outputs = graph.scope("", () => infer(image));
  const live = liveNodes(graph, Object.values(outputs), []);
  return { graph, image, outputs, nodes: fold ? foldBatchNorms(live, asTheyAre(live, outputs)) : live };
}

/** Tensors that no batch normalisation is folded into: what is given out, or read in another shape; what has computed weights. */
function asTheyAre(live: readonly Node[], outputs: NamedTensors): ReadonlySet<Tensor> {
  const viewed = live.flatMap((node) => node.outputs.filter((tensor) => tensor.viewed));
  const isStored = (tensor: Tensor, i: number) => i === 0 || tensor instanceof Variable;
  const computed = live.flatMap(({ kernel, operands, outputs: [y] }) => {
    if (kernel.traits?.withEpilogue && !operands.every(isStored)) return [y!];
    const parameters = kernel.traits?.affine ? operands.filter((_, i) => i === 0 || i === 2 || i === 3) : [];
    return parameters.every(isStored) ? [] : [parameters[0]!.base];
  });
  return new Set([...Object.values(outputs).map(({ base }) => base), ...viewed, ...computed]);
}

/** What a network gives, by name. @throws ShapeError */
export function namedOutputs(given: object, input: string): NamedTensors {
  const named = given instanceof Tensor ? { output: given } : given;
  const outputs: Record<string, Tensor> = {};
  for (const [name, tensor] of Object.entries(named) as [string, unknown][]) {
    if (tensor === undefined) continue;
    requireShape(
      tensor instanceof Tensor,
      () =>
        `toOnnx: the network gives ${aKind(tensor)} as ${name}, not a tensor: pass a function that returns what the file shall give, by name`,
    );
    requireShape(
      name !== input && name !== "",
      () => `toOnnx: an output cannot be called "${name}"; give it another name`,
    );
    outputs[name] = tensor;
  }
  requireShape(Object.keys(outputs).length > 0, () => "toOnnx: the network gives no outputs");
  return outputs;
}
