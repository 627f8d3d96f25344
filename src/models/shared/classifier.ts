/** The spec of a model that does nothing but classify: one phase, no masks. */
import type * as z from "zod";
import { add, scale } from "../../autograd/elementwise.ts";
import { crossEntropy } from "../../autograd/losses.ts";
import type { Tensor } from "../../graph/tensor.ts";
import type { Module } from "../../nn/module.ts";
import { caseNumber } from "../parity-case.ts";
import type { BatchTensors, ExplainSpec, Losses, ModelSpec, ParitySpec, PhaseSpec, PresetValues } from "../spec.ts";

/** What a classifier says of a batch. */
export interface Classified {
  /** [N, K]. */
  readonly logits: Tensor;
  /** [N, K], of an auxiliary head, which is there in training only. */
  readonly auxLogits?: Tensor;
  /** The mean [N, C] of the last features, where the logits are a linear function of it. */
  readonly pooled?: Tensor;
  /** The features at the points that can be explained, the finest first. */
  readonly scales?: readonly Tensor[];
}

export interface ClassifierNet extends Module {
  /** @param step the number of the training step, for dropout; without it nothing is dropped */
  forward(image: Tensor, step?: Tensor): Classified;
}

/** How a preset trains a classifier. */
export interface ClassifierTraining {
  readonly epochs: number;
  /** Adam's learning rate. */
  readonly lr: number;
  /** Images per step; default: as in all models' preset. */
  readonly batch?: number;
}

type Own = "phases" | "presets" | "terms" | "outlines" | "maskTerm" | "enhances" | "parity" | "explain";

export interface ClassifierSpec<Net extends ClassifierNet, S> extends Omit<ModelSpec<Net, S>, Own> {
  /** Whether it drops values in training. */
  readonly drops?: boolean;
  /** The weight of the auxiliary head's loss; undefined where there is none. */
  readonly auxWeight?: number;
  /** The settings of the presets. */
  readonly quick: S;
  readonly paper: S;
  /** How the quick preset trains it; default: 8 epochs at a rate of 1e-3, as MGA-Net. */
  readonly quickTraining?: ClassifierTraining;
  /** Names of its `scales`; may be none. */
  readonly points: readonly string[];
  /** Whether it has `pooled`. */
  readonly cam: boolean;
  /** As in `ExplainSpec`. */
  readonly attend?: ExplainSpec<Net>["attend"];
  /** The metadata key that says how many steps a case of the reference takes; default "steps". */
  readonly stepsKey?: string;
  /** Where the losses of its cases may be farther off than others'. */
  readonly bars?: ParitySpec["bars"];
  /** The settings of a case of the reference. @throws CaseError */
  readonly caseSettings: (metadata: Readonly<Record<string, string>>) => S;
}

/** A case's factor on width or depth. @throws CaseError */
export const caseFactor = (metadata: Readonly<Record<string, string>>, key: "width" | "depth"): number =>
  caseNumber(metadata, key, { least: 1 / 64, most: 4 });

/** Factor on the quick preset's epochs for a folder's few hundred images: MGA-Net's, 12 + 10 instead of 3 + 5. */
const MORE_ON_IMAGES = 22 / 8;

export function classifier<Net extends ClassifierNet, O extends Readonly<Record<string, z.ZodType>>>(
  given: ClassifierSpec<Net, z.infer<z.ZodObject<O>>> & { readonly options: O },
): ModelSpec<Net, z.infer<z.ZodObject<O>>> {
  type S = z.infer<z.ZodObject<O>>;
  const {
    drops = false,
    auxWeight,
    bars,
    caseSettings,
    stepsKey = "steps",
    quick,
    paper,
    quickTraining = { epochs: 8, lr: 1e-3 },
    points,
    cam,
    attend,
    ...spec
  } = given;
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
  const explain: ExplainSpec<Net> = {
    points,
    cam,
    takesMask: false,
    record(net, image) {
      const { logits, pooled, scales = [] } = net.forward(image);
      return { logits, ...(pooled ? { pooled } : {}), features: scales.map((f) => ({ before: f, after: f })) };
    },
    ...(attend ? { attend } : {}),
  };
  // The compiler cannot tell that S has no epochs and no rate of its own.
  const preset = (settings: S, { epochs, ...further }: ClassifierTraining) =>
    ({ ...settings, ...further, epochs: { training: epochs } }) as unknown as PresetValues<S>;
  return {
    ...spec,
    presets: {
      quick: preset(quick, quickTraining),
      paper: preset(paper, { epochs: 200, lr: 1e-4 }),
      images: { epochs: { training: Math.round(MORE_ON_IMAGES * quickTraining.epochs) } },
    },
    phases: [training],
    explain,
    parity: {
      matches: ({ model }) => model === spec.id,
      settings: caseSettings,
      steps: { training: stepsKey },
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
