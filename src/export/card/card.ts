/** A model card: what an exported model was trained on, how good it was there, what it is for and what it is not. */
import type { Classes } from "../../data/classes.ts";
import { isPhantom } from "../../data/phantom/scanner.ts";
import { DEFAULT_THRESHOLD } from "../../metrics/decision.ts";
import type { EvaluatedSide, Predictions } from "../../metrics/predictions.ts";
import { summarise, type Summary } from "../../metrics/summary.ts";
import { originsOf, originText, type Origin } from "../../models/spec.ts";
import type { RunFacts } from "../../report/run.ts";
import { sideTitles } from "../../report/show.ts";
import { outlinesOf, specOf, type TrainConfig } from "../../train/config.ts";
import type { ExportFormat } from "../formats.ts";
import type { Precision } from "../half.ts";
import { PROGRAM, VERSION } from "../version.ts";

const FORMAT = "mganet-card-1";

/** The figures of one side of the images. */
export interface CardEvaluation {
  readonly on: EvaluatedSide;
  /** The data set's name. */
  readonly data: string;
  /** Of all metrics, with 95 % bootstrap intervals. */
  readonly summary: Summary;
}

/** How a model is exported. */
export interface ExportSettings {
  readonly format: ExportFormat;
  readonly precision: Precision;
  /** Of ONNX: whether batch normalisations are folded into the convolutions before them, and preprocessing is in the graph. */
  readonly folded: boolean;
  readonly withPreprocessing: boolean;
}

export interface ModelCard {
  readonly format: typeof FORMAT;
  readonly producer: { readonly name: string; readonly version: string };
  /** The exported file. */
  readonly file: string;
  /** How it was written. */
  readonly export: ExportSettings;
  readonly model: {
    readonly id: string;
    readonly title: string;
    readonly settings: string;
    readonly parameters: number;
    readonly classes: readonly string[];
    readonly positive: string;
    /** The positive one of two classes is predicted at or above this probability. */
    readonly threshold: number;
    /** Height and width. */
    readonly size: readonly [number, number];
    readonly outputs: readonly string[];
  };
  readonly training: {
    readonly preset: string;
    readonly checkpoint: string;
    readonly epochs: Readonly<Record<string, number>>;
    readonly bestEpoch: RunFacts["bestEpoch"];
    /** What its weights began from; null for initial values of a seed. */
    readonly init: string | null;
    readonly seed: number;
  };
  readonly data: {
    readonly name: string;
    /** Whether the images are made up. */
    readonly synthetic: boolean;
    readonly target: string;
    readonly crop: string;
    readonly masks: string | null;
    /** Numbers of images; null where the run does not say. */
    readonly split: RunFacts["split"];
  };
  readonly preprocessing: readonly string[];
  /** Empty for a model that was never evaluated. */
  readonly evaluations: readonly CardEvaluation[];
  readonly intendedUse: readonly string[];
  readonly limits: readonly string[];
}

/** What is known of an exported checkpoint. */
export interface CardFacts {
  readonly file: string;
  readonly settings: ExportSettings;
  /** The checkpoint's name: "best.safetensors". */
  readonly checkpoint: string;
  readonly config: TrainConfig;
  readonly classes: Classes;
  readonly parameters: number;
  readonly outputs: readonly string[];
  /** How an image becomes the model's input. */
  readonly input: string;
  /** Of the run; undefined where the checkpoint lies outside of its folder. */
  readonly facts: RunFacts | undefined;
  /** Of this checkpoint. */
  readonly predictions: readonly Predictions[];
}

export const INTENDED_USE = [
  "Research and teaching: comparing classifiers of thyroid nodules in ultrasound images, and methods that guide or explain them.",
  "Not a medical device. No output is a diagnosis, and none may decide how a patient is treated.",
];

/** The last part of a path: where data lie on a machine is nobody's business. */
/** A file that weights began from, and the part of the network that it gave. */
const beginningOf = (origin: Origin): string => originText({ ...origin, file: nameOf(origin.file) });

const nameOf = (file: string): string => file.split(/[\\/]/).findLast((part) => part !== "") ?? file;

export function modelCard(known: CardFacts): ModelCard {
  const { file, checkpoint, config, classes, parameters, outputs, facts, predictions } = known;
  const spec = specOf(config);
  const { learned, target } = outlinesOf(config);
  const evaluations = predictions.map(({ on, data, threshold, images }): CardEvaluation => ({
    ...{ on, data },
    summary: summarise(images, threshold, { classes, outlines: learned }),
  }));
  const [{ data } = { data: nameOf(config.data) }] = predictions.filter(({ on }) => on === "val");
  return {
    format: FORMAT,
    producer: { name: PROGRAM, version: VERSION },
    ...{ file, export: known.settings },
    model: {
      ...{ id: spec.id, title: spec.title, settings: spec.describe(config), parameters, outputs },
      ...{ classes: classes.names, positive: classes.names[classes.positive]!, size: config.size },
      threshold: predictions[0]?.threshold ?? DEFAULT_THRESHOLD,
    },
    training: {
      ...{ preset: config.preset, checkpoint, epochs: config.epochs, seed: config.seed },
      bestEpoch: facts?.bestEpoch ?? null,
      init: config.init ? originsOf(config).map(beginningOf).join(" and ") : null,
    },
    data: {
      ...{ name: data, synthetic: isPhantom(config.data), target: config.target, crop: config.crop },
      masks: learned ? (target ?? "ellipse") : null,
      split: facts?.split ?? null,
    },
    preprocessing: [...croppingOf(config), known.input],
    evaluations,
    intendedUse: INTENDED_USE,
    limits: limitsOf(known, evaluations),
  };
}

function croppingOf({ crop, size: [h, w] }: TrainConfig): string[] {
  const cropping = {
    adaptive: "The image is cropped to the tissue: black borders, writing and scales are left out.",
    fixed: "The image is cropped to the tissue by a fixed threshold.",
    none: "The image is not cropped.",
  }[crop];
  return [
    cropping,
    `It is made grey (0.299 R + 0.587 G + 0.114 B) and resized to ${h} rows and ${w} columns (Lanczos), without keeping its proportions.`,
  ];
}

/** Fewer images than this leave wide intervals. */
const FEW_IMAGES = 100;

function limitsOf({ config, classes, facts, settings }: CardFacts, evaluations: readonly CardEvaluation[]): string[] {
  const sides = new Set(evaluations.map(({ on }) => on));
  const { learned, target } = outlinesOf(config);
  const few = evaluations.filter(({ summary }) => summary.images < FEW_IMAGES);
  const masks = learned ? (target ?? "ellipse") : undefined;
  return [
    ...(evaluations.length === 0 ? ["This model has not been evaluated: nothing is known about how good it is."] : []),
    ...(isPhantom(config.data)
      ? [
          "Trained on images that a built-in generator makes up, not on images of patients: it is of no use on real ones.",
        ]
      : []),
    ...(facts?.stopped ? ["Its training was ended before its last epoch."] : []),
    ...(sides.has("val")
      ? ["The checkpoint was chosen by its figures on the validation images, which are optimistic for that reason."]
      : []),
    ...(evaluations.length > 0 && !sides.has("external")
      ? ["Not evaluated on images from elsewhere: with other scanners, hospitals or patients, the figures may differ."]
      : []),
    ...few.map(
      ({ on, summary }) => `${sideTitles[on]}: the figures come from only ${summary.images}; mind their intervals.`,
    ),
    ...(evaluations.some(hasWidthless)
      ? ["An interval without width says that all resamples of these images agree, not that the figure is certain."]
      : []),
    ...(evaluations.length > 0 && settings.precision === "f16"
      ? ["The figures are those of the network in single precision; the exported file, in half precision, gives slightly different probabilities."] // prettier-ignore
      : []),
    `Every image is given one of the classes ${classes.names.join(", ")}, even if it shows none of them.`,
    ...(masks && masks !== "outline"
      ? [
          `The mask shows where a nodule lies. It was learned from ${maskSources[masks]!}, and is not an outline to measure.`,
        ]
      : []),
  ];
}

/** What masks are learned from. */
export const maskSources: Readonly<Record<string, string>> = {
  ellipse: "ellipses drawn into bounding boxes",
  box: "bounding boxes",
  outline: "drawn outlines",
};

/** Whether an interval is a single number. */
const hasWidthless = ({ summary: { figures, multiclass } }: CardEvaluation): boolean =>
  [...Object.values(figures), ...Object.values(multiclass?.figures ?? {})].some(
    (figure) => figure.value !== null && figure.interval !== null && figure.interval[0] === figure.interval[1],
  );

/** A few figures for a model file's metadata: by side, the value and its interval. */
export function briefFigures({ evaluations }: ModelCard): Record<string, unknown> {
  const brief = ({ summary: { images, figures, multiclass } }: CardEvaluation) => {
    const chosen = multiclass
      ? { accuracy: multiclass.figures.accuracy, macro_f1: multiclass.figures.macroF1, macro_auc: multiclass.figures.macroAuc, dice: figures.dice } // prettier-ignore
      : { accuracy: figures.accuracy, f1: figures.f1, auc: figures.auc, dice: figures.dice };
    const known = Object.entries(chosen).flatMap(([name, figure]) =>
      figure.value === null ? [] : [[name, { value: figure.value, interval: figure.interval }] as const],
    );
    return { images, ...Object.fromEntries(known) };
  };
  return Object.fromEntries(evaluations.map((evaluation) => [evaluation.on, brief(evaluation)]));
}
