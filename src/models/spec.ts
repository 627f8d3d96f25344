/**
 * What a model tells everyone else. Trainer, checkpoints, metrics, explanations, reports and the command line work from its
 * spec and know no model's name: who needs more than this says widens the spec.
 */
import type { z } from "zod";
import type { Tensor } from "../graph/tensor.ts";
import type { Module } from "../nn/module.ts";
import type { SettingText } from "./setting.ts";

/** Settings that every model is trained with. */
export interface TrainedWith {
  /** Adam's learning rate. */
  readonly lr: number;
  readonly epochs: Readonly<Record<string, number>>;
}

/** What a training step is given besides the image. */
export type BatchInput = "label" | "target";

/** One batch in the graph of a step. */
export interface BatchTensors {
  /** [N, H, W, 3]. */
  readonly image: Tensor;
  /** u32 [N], the class of each image; there if the phase asks for it. */
  readonly label?: Tensor;
  /** [N, H, W, 1], 1 inside the nodules' ellipses; there if the phase asks for it. */
  readonly target?: Tensor;
}

/** What a step minimises, [1], and the terms that are recorded beside it, each [1]. */
export interface Losses {
  readonly loss: Tensor;
  readonly terms?: Readonly<Record<string, Tensor>>;
}

/** What a network says of a batch of images. */
export interface Outputs {
  /** [N, K]: softmax gives the probabilities of the classes. */
  readonly logits?: Tensor;
  /** [N, H, W, 1]: the probability of nodule at every pixel. */
  readonly mask?: Tensor;
}

/** A part of the training with an optimiser of its own. A network goes through its phases in order. */
export interface PhaseSpec<Net extends Module = Module, S = object> {
  /** In configurations and records: "segmentation". */
  readonly name: string;
  /** For people: "Segmentation stage". */
  readonly title: string;
  /** Its option: how many epochs it takes. */
  readonly epochs: SettingText;
  /** Its part of a training's epochs, where a study spreads as many over the phases of another model. */
  readonly share: number;
  /** An image without one of these cannot serve the phase. */
  readonly inputs: readonly BatchInput[];
  /** The figure of the validation images by which the best checkpoint is chosen; none: by no epoch of this phase. */
  readonly best?: "f1";
  /**
   * Values of those options on which the phase does not depend: runs that differ in them alone can share it (a study trains
   * it once).
   */
  readonly sharedBy?: Partial<S>;
  /** The module whose parameters it trains: the network, or a part of it. */
  trains(net: Net): Module;
  learningRate(settings: S & TrainedWith): number;
  /** @param weight of each class in the loss; undefined where all count alike */
  record(net: Net, batch: BatchTensors, settings: S & TrainedWith, weight?: readonly number[]): Losses;
  /** What the network can be asked once the phase has trained it. */
  infer(net: Net, image: Tensor): Outputs;
}

/** The features of a place in the classifier, [N, H, W, C], before their last enhancement and after it; the same where there is none. */
export interface Features {
  readonly before: Tensor;
  readonly after: Tensor;
}

export interface Explained {
  /** [N, K]. */
  readonly logits: Tensor;
  /** What they are a linear function of: the mean of the last point's features over the pixels, [N, C]. */
  readonly pooled: Tensor;
  /** In the order of `points`. */
  readonly features: readonly Features[];
}

/** Where activations can be explained. */
export interface ExplainSpec<Net extends Module = Module> {
  /** Names of places in the classifier, the finest first. CAM is defined at the last. */
  readonly points: readonly string[];
  /** Whether the classifier depends on the mask of a segmentation branch. */
  readonly takesMask: boolean;
  /** The classifier on image [N, H, W, 3], given the mask [N, H, W, 1] of probabilities where it takes one. */
  record(net: Net, image: Tensor, mask: Tensor | undefined): Explained;
}

/** What a training learns about outlines. */
export interface Outlines {
  /** Whether its loss or its features depend on outlines, so that images without one cannot be trained on. */
  readonly needed: boolean;
  /** Whether it teaches the network where nodules are: without that a mask means nothing, an empty one neither. */
  readonly learned: boolean;
  /** The options that train without outlines, for messages; undefined where there are none. */
  readonly without?: string;
}

/** The loss of a mask, as a term of the loss of held-out images. */
export interface MaskTerm {
  readonly maskLoss: "dice" | "bce" | "dice+bce";
  /** Its weight. */
  readonly alpha: number;
}

/** How cases of a reference implementation are read (parity.ts). */
export interface ParitySpec<Net extends Module = Module, S = object> {
  /** Whether a file with this metadata is a case of the model. */
  matches(metadata: Readonly<Record<string, string>>): boolean;
  /** @throws CaseError for what is missing or out of bounds */
  settings(metadata: Readonly<Record<string, string>>): S;
  /** The metadata key that says how many steps of each phase the case takes, by phase. */
  readonly steps: Readonly<Record<string, string>>;
  /** The outputs that are compared, by their name in the file. */
  readonly compared: readonly string[];
  /** At least those. */
  outputs(net: Net, image: Tensor): Readonly<Record<string, Tensor>>;
  /** The losses of the last phase, from those outputs. */
  losses(outputs: Readonly<Record<string, Tensor>>, batch: BatchTensors, settings: S): Losses;
}

export type PresetName = "quick" | "paper";

/** A preset's values: the model's own options, the epochs of each phase, and common settings that it sets otherwise. */
export type PresetValues<S = object> = S & TrainedWith & Readonly<Record<string, unknown>>;

export interface ModelSpec<Net extends Module = Module, S = object> {
  /** On the command line, in configurations and folders. */
  readonly id: string;
  /** For people. */
  readonly title: string;
  /** One line for `--help`. */
  readonly summary: string;
  /** Its own options, by setting; what the command line says of each is in `setting`. */
  readonly options: Readonly<Record<string, z.ZodType>>;
  /** Those of its options that `build` reads: the others change how it is trained, and none of its kernels. */
  readonly shapedBy: readonly string[];
  /** `images`: what the quick preset does otherwise with a folder's few hundred images. */
  readonly presets: Readonly<Record<PresetName, PresetValues<S>>> & {
    readonly images: Readonly<Record<string, unknown>>;
  };
  /** At least one. */
  readonly phases: readonly PhaseSpec<Net, S>[];
  readonly explain: ExplainSpec<Net>;
  readonly parity: ParitySpec<Net, S>;
  /** Names of the loss terms, for people, in the order of a plot's legend. */
  readonly terms: Readonly<Record<string, string>>;
  /** A network with the initial values of a seed. @throws RangeError for options of which none can be made */
  build(settings: S, classes: number, seed: number): Net;
  /** What options that are each valid come to together. @throws ConfigError naming the option */
  check?(settings: S): S;
  /** Why an option that was given has no effect beside the others: "--at has no effect with --fusion none". */
  idle?(given: Partial<S>): string | undefined;
  /** "parallel fusion, width 0.25". */
  describe(settings: S): string;
  outlines(settings: S & TrainedWith): Outlines;
  /** The mask's part in the loss of held-out images; undefined where the model has no mask. */
  maskTerm(settings: S): MaskTerm | undefined;
  /** Whether the features are enhanced, by a mask for one: activations of a network where they are not can be shown beside it. */
  enhances(settings: S): boolean;
  /**
   * Shapes of some tensors of the state dict: a file in which they fit is about as large as the network, so that it is safe to
   * build one for it.
   */
  landmarks(settings: S): Readonly<Record<string, readonly number[]>>;
}
