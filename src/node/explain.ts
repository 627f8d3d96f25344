/** Explanations of images of a data set: for each a panel with image, activation before and after, and mask. */
import { existsSync } from "node:fs";
import type { Sharp } from "sharp";
import { assembleBatch } from "../data/batches.ts";
import { outOfCrop } from "../data/boxes.ts";
import { DataError, type Box, type Label, type Prepared } from "../data/sample.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { MGANet } from "../models/mganet.ts";
import { loadWeights, trainedStage, type Checkpoint } from "../train/checkpoint.ts";
import { ConfigError, teachesOutlines } from "../train/config.ts";
import {
  Explainer,
  type ActivationMap,
  type ExplainedClass,
  type ExplainMethod,
  type ScaleName,
} from "../train/explain.ts";
import { Predictor, type Prediction } from "../train/stage.ts";
import { decodeGrey, greyOf, readImage, type GreyImage } from "./data/decode.ts";
import { className } from "./data/inspect.ts";
import { phantomFrame } from "./data/phantom.ts";
import { NO_OUTLINE, outline } from "./overlay.ts";
import { drawPanel } from "./panel.ts";

/** A checkpoint and the file it is of. */
export interface Loaded {
  checkpoint: Checkpoint;
  file: string;
}

export interface ExplainSettings {
  /** Default: gradcam. */
  method?: ExplainMethod;
  /** Default: L4. */
  scale?: ScaleName;
  /** Default: predicted. */
  of?: ExplainedClass;
  /**
   * A model without attention whose activation is shown beside the final one. Default: that of the same network before its
   * features are enhanced.
   */
  base?: Loaded | undefined;
}

/** An image explained. */
export interface Panel {
  id: string;
  /** What is written above the pictures: the image, its class by the expert, and the verdict. */
  title: string;
  /** Probability of malignancy. */
  malignant: number;
  png: Buffer;
}

/** Images in the network at a time. */
const BATCH = 8;

/**
 * For before the work.
 * @throws ConfigError where there is no classifier to explain, or `base` cannot be shown beside it
 */
export function requireExplainable({ checkpoint, file }: Loaded, { method, scale, base }: ExplainSettings): void {
  const untrained = "the classifier of this checkpoint has not been trained yet: there is nothing to explain";
  if (trainedStage(checkpoint) === "segmentation") throw new ConfigError(`${file}: ${untrained}`);
  if (method === "cam" && scale !== undefined && scale !== "L4") {
    throw new ConfigError(`--scale ${scale}: CAM is defined at L4 only, the features before the last layer`);
  }
  if (!base) return;
  const { config } = base.checkpoint;
  const why = (reason: string) => new ConfigError(`--base: ${base.file}: ${reason}`);
  if (trainedStage(base.checkpoint) === "segmentation") throw why(untrained);
  if (config.fusion !== "none") throw why(`is not of a base model: it was trained with --fusion ${config.fusion}`);
  for (const key of ["size", "crop"] as const) {
    const [own, other] = [checkpoint.config[key], config[key]].map(String);
    if (own !== other) throw why(`sees images otherwise: --${key} ${other}, not ${own}`);
  }
}

/** With whether the network has learned outlines. */
type Chosen = Required<Omit<ExplainSettings, "base">> & { outlines: boolean };

interface Base {
  net: MGANet;
  explainer: Explainer;
}

/** Makes the panels of images that a predictor has seen. */
export class Panels {
  readonly #gpu: Gpu;
  readonly #explainer: Explainer;
  readonly #base: Base | undefined;
  readonly #settings: Chosen;

  private constructor(gpu: Gpu, explainer: Explainer, base: Base | undefined, settings: Chosen) {
    this.#gpu = gpu;
    this.#explainer = explainer;
    this.#base = base;
    this.#settings = settings;
  }

  /** @throws ConfigError as `requireExplainable` does, CheckpointError */
  static async create(gpu: Gpu, net: MGANet, run: Loaded, settings: ExplainSettings, batch = BATCH): Promise<Panels> {
    requireExplainable(run, settings);
    const { method = "gradcam", scale = "L4", of = "predicted", base } = settings;
    const options = { batch, size: run.checkpoint.config.size, method, scale };
    const explainer = await Explainer.create(gpu, net, options);
    const chosen = { method, scale, of, outlines: teachesOutlines(run.checkpoint.config) };
    if (!base) return new Panels(gpu, explainer, undefined, chosen);
    const other = new MGANet(base.checkpoint.config);
    loadWeights(gpu, other, base.checkpoint, base.file);
    const beside = { net: other, explainer: await Explainer.create(gpu, other, options) };
    return new Panels(gpu, explainer, beside, chosen);
  }

  /**
   * @param predictions of the network that was given to `create`, one an image
   * @param pictures the whole pictures where they are open; else their files are read again
   */
  async draw(
    prepared: readonly Prepared[],
    predictions: readonly Prediction[],
    pictures?: readonly Sharp[],
  ): Promise<Panel[]> {
    const { of } = this.#settings;
    const { image } = assembleBatch(prepared, []);
    const masks = predictions.map(({ mask }) => mask);
    const classes = predictions.map(({ malignant }) =>
      of === "predicted" ? Number(malignant >= 0.5) : Number(of === "malignant"),
    );
    const activations = await this.#explainer.explain(image, masks, classes);
    const others = await this.#base?.explainer.explain(image, masks, classes);
    const panels: Panel[] = [];
    for (const [i, p] of prepared.entries()) {
      const { before, after } = activations[i]!;
      const other = others?.[i]!.after;
      const pair = { before: other ?? (this.#explainer.enhanced ? before : undefined), after };
      panels.push(await this.#draw(p, predictions[i]!, classes[i]!, pair, pictures?.[i]));
    }
    return panels;
  }

  async #draw(
    p: Prepared,
    { malignant, mask }: Prediction,
    explained: number,
    { before, after }: { before: ActivationMap | undefined; after: ActivationMap },
    picture: Sharp | undefined,
  ): Promise<Panel> {
    const { method, scale } = this.#settings;
    const { image, crop } = await frameOf(p, picture);
    const label = p.label === undefined ? [] : [`labelled ${className(p.label)}`];
    const title = [p.id, ...label, `${(100 * malignant).toFixed(1)} % malignant`].join(" · ");
    const name = className(explained as Label);
    const what =
      method === "cam"
        ? `CAM: how much each place at ${scale} speaks for "${name}" (above 0) or against it`
        : `Grad-CAM at ${scale}: where features lie that raise the score of "${name}"`;
    const png = await drawPanel({
      title,
      note: before ? `${what}; both on one scale` : what,
      image,
      crop,
      boxes: p.boxes.map((box) => outOfCrop(box, crop, p.width, p.height)),
      outline: this.#settings.outlines ? outline(mask, p.width, p.height, crop) : NO_OUTLINE,
      before: before && {
        caption: this.#base ? "activation of the base model" : "activation before enhancement, same model",
        map: before,
      },
      after: {
        caption: before && !this.#base ? "activation after enhancement" : "activation of the model",
        map: after,
      },
      signed: method === "cam",
    });
    return { id: p.id, title, malignant, png };
  }

  /** Frees what `create` has made; the network stays. */
  destroy(): void {
    this.#explainer.destroy();
    if (!this.#base) return;
    this.#base.explainer.destroy();
    this.#base.net.release(this.#gpu);
  }
}

/**
 * Explains images one after the other, in the order given. Memory does not grow with their number.
 * @throws ConfigError as `requireExplainable` does, CheckpointError
 */
export async function* explainImages(
  gpu: Gpu,
  run: Loaded,
  prepared: readonly Prepared[],
  settings: ExplainSettings = {},
): AsyncGenerator<Panel> {
  requireExplainable(run, settings);
  if (prepared.length === 0) return;
  const { config } = run.checkpoint;
  const net = new MGANet(config);
  loadWeights(gpu, net, run.checkpoint, run.file);
  const batch = Math.min(BATCH, prepared.length);
  const predictor = await Predictor.create(gpu, net, { batch, size: config.size });
  const panels = await Panels.create(gpu, net, run, settings, batch);
  try {
    for (let begin = 0; begin < prepared.length; begin += batch) {
      const part = prepared.slice(begin, begin + batch);
      yield* await panels.draw(part, await predictor.predict(assembleBatch(part, []).image));
    }
  } finally {
    panels.destroy();
    predictor.destroy();
    net.release(gpu);
  }
}

/** The whole picture that an image was cut from, or the cut one where that is no file any more. */
async function frameOf(
  { width, height, grey, source }: Prepared,
  picture: Sharp | undefined,
): Promise<{ image: GreyImage; crop: Box }> {
  const whole: Box = { x0: 0, y0: 0, x1: width, y1: height };
  if (!source) return { image: { width, height, grey }, crop: whole };
  const { file, crop } = source;
  if (picture) return { image: await greyOf({ image: picture }), crop };
  const phantom = existsSync(file) ? undefined : phantomFrame(file);
  if (phantom) return { image: phantom, crop };
  try {
    return { image: await decodeGrey(await readImage(file)), crop };
  } catch (error) {
    throw error instanceof DataError ? new DataError(`${file}: ${error.message}`) : error;
  }
}
