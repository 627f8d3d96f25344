/**
 * The interface of a model. Trainer, checkpoints, metrics, explanations, reports and the command line work from its spec and
 * know no model by name: whoever needs more extends the spec.
 */
import type * as z from "zod";
import type { MaskTarget } from "../data/target.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { Module } from "../nn/module.ts";
import type { SettingText } from "./setting.ts";

/** What a run begins from: an earlier run, or weights of another program. */
export type Origin = EarlierRun | OtherWeights;

/** A file of PyTorch's, or safetensors that this program has not written: what they have learned is not known. */
export interface OtherWeights {
  readonly file: string;
  /** Of its bytes, in hexadecimal. */
  readonly sha256: string;
  readonly format: "torch" | "safetensors";
  /** As of `EarlierRun`; absent: the part that the weights are found to be of. */
  readonly module?: string;
}

export const isEarlierRun = (origin: Origin): origin is EarlierRun => "model" in origin;

/** The checkpoint whose weights a run begins from. */
export interface EarlierRun {
  /** As the user named it. */
  readonly file: string;
  /** Of its bytes, in hexadecimal. */
  readonly sha256: string;
  /** Id of its model. */
  readonly model: string;
  /** The last phase that had trained its weights. */
  readonly phase: string;
  /** Whether they have learned outlines. */
  readonly outlines: boolean;
  /** Its classes: a network for others begins with a fresh last layer. */
  readonly classes: readonly string[];
  /** The part of the network that is taken from it, and no other; absent: everything. */
  readonly module?: string;
}

/** What a run begins from, in the order in which it was named. */
export const originsOf = ({ init }: Pick<TrainedWith, "init">): readonly Origin[] =>
  init === undefined ? [] : "sha256" in init ? [init] : init;

/** A file, and the part of the network that it gives, for messages: "runs/a/best.safetensors (segmenter)". */
export const originText = ({ file, module }: Origin): string => (module === undefined ? file : `${file} (${module})`);

/** Settings that every model is trained with. */
export interface TrainedWith {
  /** Adam's learning rate. */
  readonly lr: number;
  readonly epochs: Readonly<Record<string, number>>;
  /** Height and width of the images. */
  readonly size: readonly [number, number];
  /** Absent: a run begins from the initial values of its seed. Several give different parts of the network. */
  readonly init?: Origin | readonly Origin[];
  /** The phase whose module is kept as it is; "none", or absent where a model has no such option. */
  readonly freeze?: string;
}

/**
 * Inputs of a training step besides the image: "label" and "target" come with each image, "step", for dropout, is the number of the
 * training step.
 */
export type BatchInput = "label" | "target" | "step";

/** One batch in the graph of a step. */
export interface BatchTensors {
  /** [N, H, W, 3]. */
  readonly image: Tensor;
  /** u32 [N], the class of each image; present if the phase requests it. */
  readonly label?: Tensor;
  /** [N, H, W, 1], 1 inside the nodules as `Outlines.target` says; present if the phase requests it. */
  readonly target?: Tensor;
  /** u32 [1], the number of the training step in its phase, from 1 (`Drop` in dropout.ts); present if the phase requests it. */
  readonly step?: Tensor;
}

/** The loss that a step minimises, [1], and the terms recorded with it, each [1]. */
export interface Losses {
  readonly loss: Tensor;
  readonly terms?: Readonly<Record<string, Tensor>>;
}

/** A network's outputs for a batch of images. */
export interface Outputs {
  /** Logits [N, K]: softmax gives the probabilities of the classes. */
  readonly logits?: Tensor;
  /** Of size [N, H, W, 1]: the probability of nodule at every pixel. */
  readonly mask?: Tensor;
}

/** A part of the training with its own optimiser. A network goes through its phases in order. */
export interface PhaseSpec<Net extends Module = Module, S = object> {
  /** In configurations and records: "segmentation". */
  readonly name: string;
  /** Display name: "Segmentation stage". */
  readonly title: string;
  /** The option for its number of epochs. */
  readonly epochs: SettingText;
  /** Its share of a run's epochs, when a study spreads the same total over the phases of another model. */
  readonly share: number;
  /** An image that lacks its "label" or "target" cannot be used in a phase that names it. */
  readonly inputs: readonly BatchInput[];
  /** The validation metric that chooses the best checkpoint; absent: no epoch of this phase is best. */
  readonly best?: "f1";
  /**
   * Values for the options that the phase does not depend on: runs that differ only in these can share it (a study trains it
   * once).
   */
  readonly sharedBy?: Partial<S>;
  /** The module whose parameters it trains: the network, or a part of it. */
  trains(net: Net): Module;
  learningRate(settings: S & TrainedWith): number;
  /** @param weight class weights in the loss; undefined if all are equal */
  record(net: Net, batch: BatchTensors, settings: S & TrainedWith, weight?: readonly number[]): Losses;
  /** The outputs that the network can give once the phase has trained it. */
  infer(net: Net, image: Tensor): Outputs;
}

/** The features at a point in the classifier, [N, H, W, C], before and after their last enhancement; equal if there is none. */
export interface Features {
  readonly before: Tensor;
  readonly after: Tensor;
}

export interface Explained {
  /** [N, K]. */
  readonly logits: Tensor;
  /** What the logits are a linear function of: the mean of the last point's features over the pixels, [N, C]. */
  readonly pooled?: Tensor;
  /** In the order of `points`. */
  readonly features: readonly Features[];
}

/** What the tokens of images attended to: the class token first, then the patches row by row, T = 1 + rows columns. */
export interface Attended {
  /** [N, K]. */
  readonly logits: Tensor;
  /** The weights of each block, the first one first: [N · heads, T, T] over query and key, an image's heads behind each other. */
  readonly attention: readonly Tensor[];
  /** Rows and columns of patches. */
  readonly grid: readonly [number, number];
}

/** How a classifier can be explained (explain/methods.ts). */
export interface ExplainSpec<Net extends Module = Module> {
  /** Names of points in the classifier where activations can be explained, finest first; may be none. CAM is defined at the last. */
  readonly points: readonly string[];
  /** Whether the logits are a linear function of the mean of the last point's features, so that CAM is defined. */
  readonly cam: boolean;
  /** Whether the classifier depends on the mask of a segmentation branch. */
  readonly takesMask: boolean;
  /** The classifier on image [N, H, W, 3], given the mask [N, H, W, 1] of probabilities if it takes one. */
  record(net: Net, image: Tensor, mask: Tensor | undefined): Explained;
  /** The classifier on image [N, H, W, 3], showing its attention; absent if its class is not read off a token that attends to all. */
  attend?(net: Net, image: Tensor): Attended;
}

/** What a training run learns about outlines. */
export interface Outlines {
  /** Whether its loss or features depend on outlines, so that it cannot train on images without one. */
  readonly needed: boolean;
  /** Whether it teaches the network where nodules are: otherwise masks are meaningless, even empty ones. */
  readonly learned: boolean;
  /** What it learns to mark, and is compared with. Default: the ellipses of the boxes. */
  readonly target?: MaskTarget;
  /** The options that train without outlines, for messages; undefined if there are none. */
  readonly without?: string;
  /** The options that train on boxes, if `target` needs more. */
  readonly onBoxes?: string;
}

/** The mask's term in the loss of held-out images. */
export interface MaskTerm {
  readonly maskLoss: "dice" | "bce" | "dice+bce";
  /** Its weight. */
  readonly alpha: number;
}

/** How to read cases of a reference implementation (parity.ts). */
export interface ParitySpec<Net extends Module = Module, S = object> {
  /** Whether a file with this metadata is a case of the model. */
  matches(metadata: Readonly<Record<string, string>>): boolean;
  /** @throws CaseError for what is missing or out of bounds */
  settings(metadata: Readonly<Record<string, string>>): S;
  /** By phase, the metadata key with its number of steps. */
  readonly steps: Readonly<Record<string, string>>;
  /** The outputs to compare, by their name in the file. */
  readonly compared: readonly string[];
  /** At least the compared ones. */
  outputs(net: Net, image: Tensor, step?: Tensor): Readonly<Record<string, Tensor>>;
  /**
   * How far the losses of the first steps may be off, where not 1e-3 for the first four and 2e-2 for all: deep narrow networks are chaotic.
   */
  readonly bars?: { readonly firstLosses: number; readonly losses: number };
  /** The losses of the last phase, from those outputs. */
  losses(outputs: Readonly<Record<string, Tensor>>, batch: BatchTensors, settings: S): Losses;
}

export type PresetName = "quick" | "paper";

/** A preset's values: the model's own options, the epochs of each phase, and overridden common settings. */
export type PresetValues<S = object> = S & Omit<TrainedWith, "size"> & Readonly<Record<string, unknown>>;

export interface ModelSpec<Net extends Module = Module, S = object> {
  /** Name on the command line, in configurations and folders. */
  readonly id: string;
  /** Display name. */
  readonly title: string;
  /** One line for `--help`. */
  readonly summary: string;
  /**
   * Its own options, by setting; `setting` holds their command-line texts. One called `freeze` names a phase whose module is not trained
   * (`freezeSetting`).
   */
  readonly options: Readonly<Record<string, z.ZodType>>;
  /** The options that `build` reads: the others affect training, but none of the kernels. */
  readonly shapedBy: readonly string[];
  /**
   * Options in which a run may differ from the one whose weights it begins from, and the paths of the modules that they add, leave out or
   * place elsewhere. Absent: all tensors but those of the last layer must fit.
   */
  readonly exchangeable?: { readonly options: readonly string[]; readonly modules: readonly string[] };
  /** `images`: overrides of the quick preset for a folder's few hundred images. */
  readonly presets: Readonly<Record<PresetName, PresetValues<S>>> & {
    readonly images: Readonly<Record<string, unknown>>;
  };
  /** Whether the paper preset is how its authors trained it. */
  readonly published?: true;
  /** At least one. */
  readonly phases: readonly PhaseSpec<Net, S>[];
  readonly explain: ExplainSpec<Net>;
  readonly parity: ParitySpec<Net, S>;
  /** Display names of the loss terms, in legend order. */
  readonly terms: Readonly<Record<string, string>>;
  /** A network initialised from a seed. @throws RangeError for options from which none can be built */
  build(settings: S & TrainedWith, classes: number, seed: number): Net;
  /** Checks and completes options that are valid individually. @throws ConfigError naming the option */
  check?(settings: S & TrainedWith): S;
  /**
   * Why a given option has no effect with the others: "--at has no effect with --fusion none".
   * @param settings all settings, given or not
   */
  idle?(given: Partial<S>, settings: S & TrainedWith): string | undefined;
  /** "parallel fusion, width 0.25". */
  describe(settings: S): string;
  outlines(settings: S & TrainedWith): Outlines;
  /** The mask's term in the loss of held-out images; undefined if the model has no mask. */
  maskTerm(settings: S): MaskTerm | undefined;
  /** Whether features are enhanced, for example by a mask: an unenhanced network's activations can be shown for comparison. */
  enhances(settings: S): boolean;
  /**
   * Shapes of some tensors of the state dict: a file with matching ones is about as large as the network, so it is safe to build
   * the network.
   */
  landmarks(settings: S): Readonly<Record<string, readonly number[]>>;
}
