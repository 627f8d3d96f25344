/** The spec of a model that does nothing but classify: one phase, no masks. */
import type { z } from "zod";
import { add, scale } from "../../autograd/elementwise.ts";
import { crossEntropy } from "../../autograd/losses.ts";
import type { Tensor } from "../../graph/tensor.ts";
import type { Module } from "../../nn/module.ts";
import { caseNumber } from "../parity-case.ts";
import type { BatchTensors, ExplainSpec, Losses, ModelSpec, ParitySpec, PhaseSpec } from "../spec.ts";

/** What a classifier says of a batch. */
export interface Classified {
  /** [N, K]. */
  readonly logits: Tensor;
  /** [N, K], of an auxiliary head, which is there in training only. */
  readonly auxLogits?: Tensor;
}

export interface ClassifierNet extends Module {
  /** @param step the number of the training step, for dropout; without it nothing is dropped */
  forward(image: Tensor, step?: Tensor): Classified;
}

type Own = "phases" | "terms" | "outlines" | "maskTerm" | "enhances" | "parity" | "explain";

export interface ClassifierSpec<Net extends ClassifierNet, S> extends Omit<ModelSpec<Net, S>, Own> {
  /** Whether it drops values in training. */
  readonly drops?: boolean;
  /** The weight of the auxiliary head's loss; undefined where there is none. */
  readonly auxWeight?: number;
  readonly explain: ExplainSpec<Net>;
  /** Where the losses of its cases may be farther off than others'. */
  readonly bars?: ParitySpec["bars"];
  /** The settings of a case of the reference. @throws CaseError */
  readonly caseSettings: (metadata: Readonly<Record<string, string>>) => S;
}

/** A case's factor on width or depth. @throws CaseError */
export const caseFactor = (metadata: Readonly<Record<string, string>>, key: "width" | "depth"): number =>
  caseNumber(metadata, key, { least: 1 / 64, most: 4 });

export function classifier<Net extends ClassifierNet, O extends Readonly<Record<string, z.ZodType>>>(
  given: ClassifierSpec<Net, z.infer<z.ZodObject<O>>> & { readonly options: O },
): ModelSpec<Net, z.infer<z.ZodObject<O>>> {
  type S = z.infer<z.ZodObject<O>>;
  const { drops = false, auxWeight, bars, caseSettings, ...spec } = given;
  const lossOf = ({ logits, auxLogits }: Classified, { label }: BatchTensors, weight?: readonly number[]): Losses => {
    const main = crossEntropy(logits, label!, weight);
    if (!auxLogits) return { loss: main };
    const aux = crossEntropy(auxLogits, label!, weight);
    return { loss: add(main, scale(aux, auxWeight!)), terms: { main, aux } };
  };
  const training: PhaseSpec<Net, S> = {
    name: "training",
    title: "Training",
    epochs: { flags: "--epochs <n>", help: "epochs of the classifier" },
    share: 1,
    inputs: drops ? ["label", "step"] : ["label"],
    best: "f1",
    trains: (net) => net,
    learningRate: ({ lr }) => lr,
    record: (net, batch, _, weight) => lossOf(net.forward(batch.image, batch.step), batch, weight),
    infer: (net, image) => ({ logits: net.forward(image).logits }),
  };
  return {
    ...spec,
    phases: [training],
    parity: {
      matches: ({ model }) => model === spec.id,
      settings: caseSettings,
      steps: { training: "steps" },
      compared: auxWeight === undefined ? ["logits"] : ["logits", "aux_logits"],
      ...(bars ? { bars } : {}),
      outputs(net, image, step) {
        const { logits, auxLogits } = net.forward(image, step);
        return { logits, ...(auxLogits ? { aux_logits: auxLogits } : {}) };
      },
      losses: ({ logits, aux_logits: auxLogits }, batch) =>
        lossOf({ logits: logits!, ...(auxLogits ? { auxLogits } : {}) }, batch),
    },
    terms: auxWeight === undefined ? {} : { main: "of the classes", aux: "of the auxiliary head" },
    outlines: () => ({ needed: false, learned: false }),
    maskTerm: () => undefined,
    enhances: () => false,
  };
}
