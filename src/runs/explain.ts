/** Explains a checkpoint's classifier: maps of what the network sees, and of what another one does for comparison. */
import { assembleBatch } from "../data/batches.ts";
import { classKey, PREDICTED, sameNames, type Classes } from "../data/classes.ts";
import type { Prepared } from "../data/sample.ts";
import { Explainer, type ActivationMap } from "../explain/explainer.ts";
import { isOfClass, methodsOf, methodTitles, type ExplainMethod } from "../explain/methods.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { DEFAULT_THRESHOLD, predictedClass } from "../metrics/decision.ts";
import { ConfigError } from "../models/config-error.ts";
import type { ModelSpec } from "../models/spec.ts";
import { isClassifier } from "../train/checkpoint.ts";
import { classesOf } from "../train/classes.ts";
import { specOf } from "../train/config.ts";
import type { Prediction } from "../train/predictor.ts";
import { openModel, type OpenModel } from "./open-model.ts";
import type { Loaded } from "./run.ts";

export interface ExplainSettings {
  /** Default: the model's first. */
  method?: ExplainMethod;
  /** The point in the classifier, where the method has one. Default: its last. */
  point?: string;
  /** Name of a class, or "predicted", the default; where the method is of a class. */
  of?: string;
  /**
   * A model that enhances no features, whose map is shown beside the network's. Default: the same network's before its features
   * are enhanced.
   */
  base?: Loaded | undefined;
  /** Of two classes, the positive one is predicted at or above this probability; default 0.5. */
  threshold?: number;
}

/** Images in the network at a time. */
const BATCH = 8;

/** Whether a checkpoint has a trained classifier that can be explained. */
export const isExplainable = (checkpoint: Loaded["checkpoint"]): boolean =>
  isClassifier(checkpoint) && methodsOf(specOf(checkpoint.config).explain).length > 0;

/** Settings with their defaults. */
export interface Explanation {
  method: ExplainMethod;
  /** Undefined where the method has none. */
  point: string | undefined;
  /** Index of the class; undefined: the predicted one of each image, or the method is of none. */
  of: number | undefined;
  /** At which the positive one of two classes is predicted. */
  threshold: number;
}

/**
 * Checks the settings before the work.
 * @throws ConfigError if there is no classifier to explain, the method does not explain it, or `base` cannot be shown beside it
 */
export function requireExplainable(
  { checkpoint, file }: Pick<Loaded, "checkpoint" | "file">,
  settings: ExplainSettings,
): Explanation {
  const { config } = checkpoint;
  const { explain, title } = specOf(config);
  const { base, threshold = DEFAULT_THRESHOLD } = settings;
  if (!isClassifier(checkpoint)) throw new ConfigError(`${file}: ${UNTRAINED}`);
  const [first] = methodsOf(explain);
  if (first === undefined) throw new ConfigError(`${file}: there is no way to explain ${title}`);
  const { method = first } = settings;
  requireMethod(method, specOf(config));
  const point = pointOf(method, settings, specOf(config));
  const of = isOfClass(method) ? classIndex(settings.of ?? PREDICTED, classesOf(config)) : undefined;
  if (base) requireBase(base, { checkpoint, file }, { method, point });
  return { method, point, of, threshold };
}

const UNTRAINED = "the classifier of this checkpoint has not been trained yet: there is nothing to explain";

/** @throws ConfigError if the model has no such maps */
function requireMethod(method: ExplainMethod, { explain, title }: ModelSpec): void {
  const methods = methodsOf(explain);
  if (methods.includes(method)) return;
  const why =
    method === "cam" && explain.points.length > 0
      ? `CAM is not defined for ${title}, whose classes are no linear function of its last features`
      : `${title} has no ${methodTitles[method]}`;
  throw new ConfigError(`${why}; choose ${methods.join(" or ")}`, "explain");
}

/** @throws ConfigError for a point that the model does not have, or the method is not defined at, or a setting that it does not read */
function pointOf(method: ExplainMethod, settings: ExplainSettings, { id, explain }: ModelSpec): string | undefined {
  if (!isOfClass(method)) {
    const idle = (name: string, why: string) => new ConfigError(`has no effect with --explain ${method}, ${why}`, name);
    if (settings.of !== undefined) throw idle("class", "which depends on no class");
    if (settings.point !== undefined) throw idle("scale", "which is of all blocks together");
    return undefined;
  }
  const { points } = explain;
  const { point = points.at(-1)! } = settings;
  if (!points.includes(point)) {
    throw new ConfigError(`${id} has no ${point} to explain; it has ${points.join(", ")}`, "scale");
  }
  if (method === "cam" && point !== points.at(-1)) {
    throw new ConfigError(
      `CAM is defined at ${points.at(-1)} only, the features before the last layer, not at ${point}`,
      "scale",
    );
  }
  return point;
}

function requireBase(
  base: Loaded,
  own: Pick<Loaded, "checkpoint" | "file">,
  { method, point }: Pick<Explanation, "method" | "point">,
): void {
  const { config } = base.checkpoint;
  const other = specOf(config);
  const refuse = (reason: string) => new ConfigError(`${base.file}: ${reason}`, "base");
  if (!isClassifier(base.checkpoint)) throw refuse(UNTRAINED);
  if (other.enhances(config)) {
    throw refuse(`is not a model without attention: it was trained with ${other.describe(config)}`);
  }
  if (!methodsOf(other.explain).includes(method)) {
    const [mine, its] = [methodTitles[method], methodsOf(other.explain).map((its) => methodTitles[its])];
    throw refuse(`${other.title} has no ${mine} to show beside; it has ${its.join(" and ")}`);
  }
  if (point !== undefined && !other.explain.points.includes(point)) {
    throw refuse(`${other.id} has no ${point} to explain`);
  }
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
  /** Index of the explained class; undefined where the method is of none. */
  of: number | undefined;
  /** Undefined if there is nothing to show beside it. */
  before: ActivationMap | undefined;
  after: ActivationMap;
}

/** Explains images that were already predicted. */
export class Activations implements Disposable {
  /** Whether `before` is of another model. */
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
    const { method, of, threshold } = this.explanation;
    const classes = predictions.map(({ probabilities }) =>
      isOfClass(method) ? (of ?? predictedClass(probabilities!, this.#classes, threshold)) : undefined,
    );
    const own = await this.#explainer.explain(image, masks, classes);
    const others = await this.#base?.explainer.explain(image, masks, classes);
    return images.map((image, i) => {
      const { before, after } = own[i]!;
      const { probabilities, mask } = predictions[i]!;
      return {
        image,
        prediction: { probabilities: probabilities!, mask },
        of: classes[i],
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
