/** The loss of a training, and what is recorded of it. */
import type { Graph } from "../graph/graph.ts";
import type { NamedTensors } from "../graph/options.ts";
import { Tensor } from "../graph/tensor.ts";
import { aKind, kindOf } from "../kernels/kernel.ts";
import { isReserved } from "./means.ts";
import { outputsOf, type ForwardOutputs, type Predicted } from "./predictor.ts";
import { inputsOf, type Form, type SampleShapes, type TensorsOf } from "./samples.ts";

/**
 * A loss [1], alone or with further numbers [1] to be reported, such as its terms. `outputs` are not reported: a tensor [N, ...], or several by
 * name, that the metrics of `evaluate` are given.
 */
export type LossAndTerms =
  | Tensor
  | {
      readonly loss: Tensor;
      readonly outputs?: ForwardOutputs;
      readonly [term: string]: ForwardOutputs | undefined;
    };

/** The numbers of a loss, by name. */
export type Losses<L extends LossAndTerms> = (L extends Tensor
  ? unknown
  : { [Name in keyof L as Name extends "outputs" ? never : Name]: number }) & { loss: number };

/** Means over samples. */
export type Means<L extends LossAndTerms> = Losses<L> & { readonly samples: number };

/** The values of the outputs that a loss returned: of the one, or of each by name. */
export type OutputsOf<L extends LossAndTerms> = L extends { readonly outputs: infer O extends ForwardOutputs }
  ? Predicted<O>
  : never;

/** The numbers of a loss in a graph. */
export type RecordedLoss = { readonly loss: Tensor } & NamedTensors;

const NO_LOSS: Readonly<Record<string, unknown>> = { loss: undefined };

/** Records a batch's inputs and its loss. @throws TypeError for what is no loss */
export function recordLoss<Shapes extends SampleShapes>(
  graph: Graph,
  { inputs, loss }: { inputs: Shapes; loss: (batch: TensorsOf<Shapes>) => LossAndTerms },
  form: Form,
): { numbers: RecordedLoss; outputs: NamedTensors | undefined } {
  const given = inputsOf(graph, inputs, form);
  const recorded: unknown = graph.scope("", () => loss(given));
  const { outputs, ...numbers } = (
    recorded instanceof Tensor || kindOf(recorded) === "Promise" ? { loss: recorded } : recorded
  ) as {
    readonly outputs?: ForwardOutputs;
  } & RecordedLoss;
  for (const [name, tensor] of Object.entries<unknown>({ ...NO_LOSS, ...numbers })) {
    if (isReserved(name)) throw new TypeError(`trainer: a term of the loss cannot be called ${name}`);
    if (tensor instanceof Tensor && tensor.size === 1) continue;
    const got = tensor instanceof Tensor ? `${tensor.size} values` : aKind(tensor);
    throw new TypeError(
      `trainer: loss must return one number, or { loss, … } with one number each, got ${got} for ${name}` +
        (tensor instanceof Tensor ? "; what the network gives for each sample goes under outputs" : ""),
    );
  }
  return {
    numbers,
    outputs: outputs === undefined ? undefined : outputsOf("trainer: outputs", outputs, form.count),
  };
}
