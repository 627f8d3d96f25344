/** Exports a run's checkpoint for other programs, with a model card beside it. No device is needed. */
import { cardMarkdown } from "../export/card/markdown.ts";
import { briefFigures, INTENDED_USE, modelCard, type CardFacts } from "../export/card/card.ts";
import { endings, type ExportFormat } from "../export/formats.ts";
import type { Precision } from "../export/half.ts";
import { preprocessings, toOnnx } from "../export/onnx/to-onnx.ts";
import { toPytorch } from "../export/pytorch.ts";
import type { Tensor } from "../graph/tensor.ts";
import { ConfigError } from "../models/config-error.ts";
import type { Model } from "../models/model.ts";
import type { Outputs } from "../models/spec.ts";
import { buildModel } from "../train/build.ts";
import { CheckpointError, isClassifier, naming, trainedPhase } from "../train/checkpoint.ts";
import { classesOf } from "../train/classes.ts";
import { outlinesOf } from "../train/config.ts";
import { readRun } from "./report.ts";
import type { Loaded } from "./run.ts";
import { toJson } from "./store.ts";

export interface ExportTask {
  readonly loaded: Loaded;
  readonly format: ExportFormat;
  /** Of the files, without ending. */
  readonly name: string;
  /** Default "f32". */
  readonly precision?: Precision;
  /** Of ONNX: as in `toOnnx`. */
  readonly fold?: boolean;
  readonly withPreprocessing?: boolean;
}

export interface Exported {
  /** By name: the model, its card as JSON and as Markdown. */
  readonly files: ReadonlyMap<string, Uint8Array | string>;
  /** What the user should know. */
  readonly notes: readonly string[];
}

/** @throws CheckpointError, ConfigError, ExportError; InputError, DataError for a run folder that cannot be read */
export async function exportCheckpoint(task: ExportTask): Promise<Exported> {
  const { loaded, format, name, precision = "f32", fold = false, withPreprocessing = false } = task;
  const idle = fold ? "fold" : withPreprocessing ? "with-preprocessing" : undefined;
  if (format === "pytorch" && idle) throw new ConfigError(`--${idle} has no effect with --format pytorch`);
  const { checkpoint, file } = loaded;
  const { config, model: state } = checkpoint;
  const model = buildModel(config);
  naming(file, () => model.net.requireStateDict(state));
  const { infer, outputs, notes } = whatItGives(loaded, model);
  const classes = classesOf(config);
  const exported = name + endings[format];
  const of = await ofRun(loaded);
  const hasNorms = [...state.keys()].some((key) => key.endsWith("running_mean"));
  const card = modelCard({
    ...{ file: exported, settings: { format, precision, folded: fold && hasNorms, withPreprocessing } },
    ...{ checkpoint: loaded.name, config, classes, outputs },
    parameters: model.net.parameters().reduce((sum, { size }) => sum + size, 0),
    input: preprocessings[format === "onnx" && withPreprocessing ? "inside" : "outside"],
    ...{ facts: of.facts, predictions: of.predictions },
  });
  const metadata = {
    ...{ model: card.model.id, settings: card.model.settings, classes: JSON.stringify(classes.names) },
    ...{ positive: card.model.positive, figures: JSON.stringify(briefFigures(card)) },
    ...(classes.names.length === 2 ? { threshold: String(card.model.threshold) } : {}),
  };
  const write = (): Uint8Array => {
    if (format === "pytorch") return toPytorch(state, precision, metadata);
    return toOnnx(infer, state, {
      ...{ size: config.size, precision, fold, withPreprocessing, name: card.model.id, metadata },
      description: `${card.model.title}, ${card.model.settings}. ${card.preprocessing.join(" ")}. ${INTENDED_USE.join(" ")}`,
    });
  };
  return {
    files: new Map<string, Uint8Array | string>([
      [exported, write()],
      [`${exported}.card.json`, toJson(card)],
      [`${exported}.card.md`, cardMarkdown(card)],
    ]),
    notes: [
      ...notes,
      ...of.notes,
      ...(fold && !hasNorms ? ["There are no batch normalisations to fold: --fold changes nothing."] : []),
      ...(card.evaluations.length === 0 ? ["This model has not been evaluated: its card has no figures."] : []),
    ],
  };
}

/** The outputs that mean something: what nobody has trained is left out. */
function whatItGives({ checkpoint, file }: Loaded, model: Model) {
  const trained = trainedPhase(checkpoint);
  const { init } = checkpoint.config;
  if (!trained && !init) throw new CheckpointError(`${file}: nothing has been trained in it yet`);
  const phase = trained ? model.phase(trained.name) : model.phases.at(-1)!;
  const { learned, without } = outlinesOf(checkpoint.config);
  const hasMask = learned;
  const infer = (image: Tensor): Outputs => {
    const { logits, mask } = phase.infer(image);
    return { ...(logits ? { logits } : {}), ...(mask && hasMask ? { mask } : {}) };
  };
  const classifies = phase.classifies;
  const notes = [
    ...(trained ? [] : ["Nothing has been trained here: what the weights it began from have learned is not known."]),
    ...(trained && !isClassifier(checkpoint)
      ? ["The classifier of this checkpoint has not been trained yet: the model gives the mask alone."]
      : []),
    ...(!learned && without ? ["This network has not learned outlines: the model gives no mask."] : []),
  ];
  const outputs = [...(classifies ? ["logits", "probabilities"] : []), ...(hasMask ? ["mask"] : [])];
  return { infer, outputs, notes };
}

type OfRun = Pick<CardFacts, "facts" | "predictions"> & { readonly notes: readonly string[] };

/** What the checkpoint's folder says of it, if it is its run's. */
async function ofRun({ checkpoint, name, store }: Loaded): Promise<OfRun> {
  const nothing = { facts: undefined, predictions: [] };
  if (!(await store.exists("config.json"))) {
    return { ...nothing, notes: ["The checkpoint lies outside of its run's folder, which its card would describe."] };
  }
  const { config, facts, predictions } = await readRun(store);
  if (JSON.stringify(config) !== JSON.stringify(checkpoint.config)) {
    return { ...nothing, notes: [`${store.name} is the folder of another run: the card says nothing of it.`] };
  }
  const own = predictions.filter((side) => side.checkpoint === name);
  const others = predictions.length > own.length ? [`The run's figures are of another checkpoint than ${name}.`] : [];
  return { facts, predictions: own, notes: others };
}
