/** Explains a checkpoint's classifier: activation maps of the network, and of an attention-free one for comparison. */
import { assembleBatch } from "../data/batches.ts";
import { classKey, PREDICTED, sameNames, type Classes } from "../data/classes.ts";
import type { Prepared } from "../data/sample.ts";
import { Explainer, type ActivationMap, type ExplainMethod } from "../explain/explainer.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { DEFAULT_THRESHOLD, predictedClass } from "../metrics/decision.ts";
import { ConfigError } from "../models/config-error.ts";
import { isClassifier } from "../train/checkpoint.ts";
import { classesOf } from "../train/classes.ts";
import { specOf } from "../train/config.ts";
import type { Prediction } from "../train/predictor.ts";
import { openModel, type OpenModel } from "./open-model.ts";
import type { Loaded } from "./run.ts";

export interface ExplainSettings {
  /** Default: gradcam. */
  method?: ExplainMethod;
  /** The point in the classifier. Default: its last. */
  point?: string;
  /** Name of a class, or "predicted", the default. */
  of?: string;
  /**
   * An attention-free model whose activation is shown beside the network's. Default: the same network's before its features
   * are enhanced.
   */
  base?: Loaded | undefined;
  /** Of two classes, the positive one is predicted at or above this probability; default 0.5. */
  threshold?: number;
}

/** Images in the network at a time. */
const BATCH = 8;

/** Whether a checkpoint has a trained classifier with maps of features. */
export const isExplainable = (checkpoint: Loaded["checkpoint"]): boolean =>
  isClassifier(checkpoint) && specOf(checkpoint.config).explain.points.length > 0;

/** Settings with their defaults. */
export interface Explanation {
  method: ExplainMethod;
  point: string;
  /** Index of the class; undefined: the predicted one of each image. */
  of: number | undefined;
  /** At which the positive one of two classes is predicted. */
  threshold: number;
}

/**
 * Checks the settings before the work.
 * @throws ConfigError if there is no classifier to explain, or `base` cannot be shown beside it
 */
export function requireExplainable({ checkpoint, file }: Loaded, settings: ExplainSettings): Explanation {
  const untrained = "the classifier of this checkpoint has not been trained yet: there is nothing to explain";
  const { config } = checkpoint;
  const spec = specOf(config);
  const { points } = spec.explain;
  const { method = "gradcam", point = points.at(-1) ?? "", base, threshold = DEFAULT_THRESHOLD } = settings;
  if (!isClassifier(checkpoint)) throw new ConfigError(`${file}: ${untrained}`);
  if (points.length === 0) throw new ConfigError(`${file}: ${spec.title} has no maps of features to explain`);
  if (method === "cam" && !spec.explain.cam) {
    throw new ConfigError(
      `CAM is not defined for ${spec.title}, whose classes are no linear function of its last features`,
      "method",
    );
  }
  if (!points.includes(point)) {
    throw new ConfigError(`${spec.id} has no ${point} to explain; it has ${points.join(", ")}`, "scale");
  }
  if (method === "cam" && point !== points.at(-1)) {
    throw new ConfigError(
      `CAM is defined at ${points.at(-1)} only, the features before the last layer, not at ${point}`,
      "scale",
    );
  }
  const of = classIndex(settings.of ?? PREDICTED, classesOf(config));
  if (base) requireBase(base, { checkpoint, file }, point, untrained);
  return { method, point, of, threshold };
}

function requireBase(base: Loaded, own: Pick<Loaded, "checkpoint" | "file">, point: string, untrained: string): void {
  const { config } = base.checkpoint;
  const other = specOf(config);
  const refuse = (reason: string) => new ConfigError(`${base.file}: ${reason}`, "base");
  if (!isClassifier(base.checkpoint)) throw refuse(untrained);
  if (other.enhances(config)) {
    throw refuse(`is not a model without attention: it was trained with ${other.describe(config)}`);
  }
  if (!other.explain.points.includes(point)) throw refuse(`${other.id} has no ${point} to explain`);
  if (!sameNames(classesOf(config), classesOf(own.checkpoint.config))) throw refuse("has other classes");
  for (const key of ["size", "crop"] as const) {
    const [mine, its] = [own.checkpoint.config[key], config[key]].map(String);
    if (mine !== its) throw refuse(`sees images differently: --${key} ${its}, not ${mine}`);
  }
}

/** The model, if its activation can be shown beside the network's at its last point; else undefined. */
export function comparableBase(own: Loaded, base: Loaded): Loaded | undefined {
  try {
    requireExplainable(own, { base });
    return base;
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}

/** @throws ConfigError for an unknown class */
function classIndex(name: string, { names }: Classes): number | undefined {
  if (name === PREDICTED) return undefined;
  const found = names.findIndex((other) => classKey(other) === classKey(name));
  if (found !== -1) return found;
  throw new ConfigError(`there is no class ${name}; there are ${[PREDICTED, ...names].join(", ")}`, "class");
}

/** An explained image. */
export interface ExplainedImage {
  image: Prepared;
  prediction: Prediction & { probabilities: readonly number[] };
  /** Index of the explained class. */
  of: number;
  /** Undefined if there is nothing to show beside it. */
  before: ActivationMap | undefined;
  after: ActivationMap;
}

/** Explains images that were already predicted. */
export class Activations implements Disposable {
  /** Whether `before` is another model's activation. */
  readonly hasBase: boolean;
  readonly explanation: Explanation;
  readonly #classes: Classes;
  readonly #explainer: Explainer;
  readonly #base: { open: OpenModel; explainer: Explainer } | undefined;

  private constructor(
    explanation: Explanation,
    classes: Classes,
    explainer: Explainer,
    base: { open: OpenModel; explainer: Explainer } | undefined,
  ) {
    this.explanation = explanation;
    this.#classes = classes;
    this.#explainer = explainer;
    this.#base = base;
    this.hasBase = base !== undefined;
  }

  /** @throws ConfigError as `requireExplainable` does, CheckpointError */
  static async create(gpu: Gpu, open: OpenModel, settings: ExplainSettings, batch: number): Promise<Activations> {
    const explanation = requireExplainable(open.loaded, settings);
    const { method, point } = explanation;
    const options = { batch, size: open.loaded.checkpoint.config.size, method, point };
    const explainer = await Explainer.create(gpu, open.model, options);
    const { base } = settings;
    if (!base) return new Activations(explanation, open.classes, explainer, undefined);
    const other = openModel(gpu, base);
    return new Activations(explanation, open.classes, explainer, {
      open: other,
      explainer: await Explainer.create(gpu, other.model, options),
    });
  }

  /** @param predictions by the network passed to `create`, one per image */
  async explain(images: readonly Prepared[], predictions: readonly Prediction[]): Promise<ExplainedImage[]> {
    const { image } = assembleBatch(images, []);
    const masks = predictions.map(({ mask }) => mask);
    const { of, threshold } = this.explanation;
    const classes = predictions.map(
      ({ probabilities }) => of ?? predictedClass(probabilities!, this.#classes, threshold),
    );
    const own = await this.#explainer.explain(image, masks, classes);
    const others = await this.#base?.explainer.explain(image, masks, classes);
    return images.map((image, i) => {
      const { before, after } = own[i]!;
      const { probabilities, mask } = predictions[i]!;
      return {
        image,
        prediction: { probabilities: probabilities!, mask },
        of: classes[i]!,
        before: others?.[i]!.after ?? (this.#explainer.enhanced ? before : undefined),
        after,
      };
    });
  }

  [Symbol.dispose](): void {
    this.#explainer.destroy();
    this.#base?.explainer.destroy();
    this.#base?.open[Symbol.dispose]();
  }
}

/**
 * Explains images in the order given. Memory does not grow with their number.
 * @throws ConfigError as `requireExplainable` does, CheckpointError
 */
export async function* explainImages(
  gpu: Gpu,
  loaded: Loaded,
  images: readonly Prepared[],
  settings: ExplainSettings = {},
): AsyncGenerator<{ explained: ExplainedImage; by: Activations; open: OpenModel }> {
  requireExplainable(loaded, settings);
  if (images.length === 0) return;
  using open = openModel(gpu, loaded);
  const batch = Math.min(BATCH, images.length);
  const predictor = await open.predictor({ batch });
  using by = await Activations.create(gpu, open, settings, batch);
  for (let begin = 0; begin < images.length; begin += batch) {
    const part = images.slice(begin, begin + batch);
    const predictions = await predictor.predict(assembleBatch(part, []).image);
    for (const explained of await by.explain(part, predictions)) yield { explained, by, open };
  }
}
