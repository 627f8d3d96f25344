/** Predictions and explanations, for the page: images of a project or of files, read one by one. */
import type { Grid } from "../../src/explain/heat.ts";
import { isOfClass, type ExplainMethod } from "../../src/explain/methods.ts";
import { outline } from "../../src/explain/outline.ts";
import { assembleBatch } from "../../src/data/batches.ts";
import type { Box, Prepared, Skipped } from "../../src/data/sample.ts";
import type { Gpu } from "../../src/gpu/gpu.ts";
import { predictedClass } from "../../src/metrics/decision.ts";
import { requireExplainable, type Explanation } from "../../src/runs/explain.ts";
import type { Film } from "../../src/runs/films.ts";
import type { OpenModel } from "../../src/runs/open-model.ts";
import type { Prediction } from "../../src/train/predictor.ts";
import { OTHER_RESIZING } from "../../src/runs/prepare-picture.ts";
import { answersOf, nameOf, prepared, type Job } from "./answers.ts";
import type { ModelId } from "./models.ts";
import { ask, type Asked, type Stamp } from "./open-models.ts";
import { openPlace, type Place } from "./places.ts";

/** What a model says of one image. */
export interface PredictedImage {
  /** Index into the places that were asked for. */
  readonly at: number;
  /** What people see: a project's id, or a file's path, with the frame of a film behind a #. */
  readonly name: string;
  /** Of a film's file. */
  readonly frame: number | undefined;
  readonly film: Film | undefined;
  /** Of the whole picture, and the part that the network saw. */
  readonly width: number;
  readonly height: number;
  readonly crop: Box;
  /** By class; null if the model has no trained classifier. */
  readonly probabilities: readonly number[] | null;
  /** Null if the model has not learned outlines. */
  readonly found: Found | null;
  /** What the user should know about the file. */
  readonly note: string | undefined;
}

/** A nodule's outline, where the mask crosses 0.5. */
export interface Found {
  /** Closed rings: x, y, x, y, .. in pixels of the whole picture. */
  readonly rings: readonly Float32Array[];
  /** Around all of them; null if there is none. */
  readonly box: Box | null;
  /** Of the mask at or above 0.5, in pixels of the whole picture. */
  readonly area: number;
}

export type PredictEvent =
  | { type: "begun"; stamp: Stamp; note: string | undefined }
  | { type: "images"; images: readonly PredictedImage[]; done: number }
  | { type: "left"; left: Skipped };

interface Context {
  emit: (event: PredictEvent) => void;
  signal: AbortSignal;
}

/** Predicts all images of the places, in order; what cannot be read is left out. It ends early when it is stopped. */
export async function predict(gpu: Gpu, model: ModelId, places: readonly Place[], context: Context): Promise<void> {
  using asked = await ask(gpu, model);
  const { resize } = asked.open.loaded.checkpoint.config;
  context.emit({ type: "begun", stamp: asked.stamp, note: resize === "pillow" ? undefined : OTHER_RESIZING });
  const onLeft = (left: Skipped) => context.emit({ type: "left", left });
  for await (const answers of answersOf(asked, places, onLeft, context.signal)) {
    const images = answers.map(({ job, prediction }) => described(job, prediction, asked.open));
    context.emit({ type: "images", images, done: images.at(-1)!.at + 1 });
    if (context.signal.aborted) return;
  }
}

/** Opens a model and compiles what a single image needs, so that the first one is answered at once. */
export async function warm(gpu: Gpu, model: ModelId): Promise<void> {
  using asked = await ask(gpu, model);
  await asked.predictor(1);
}

function described(
  { at, name, frame, film, note, image }: Job,
  { probabilities, mask }: Prediction,
  { hasOutlines, isClassifier }: Pick<OpenModel, "hasOutlines" | "isClassifier">,
): PredictedImage {
  const { width, height, crop } = image.source!;
  return {
    ...{ at, name, frame, film, width, height, crop, note },
    probabilities: isClassifier && probabilities ? probabilities : null,
    found: hasOutlines && mask ? foundIn(mask, image) : null,
  };
}

function foundIn(mask: Float32Array, { width, height, source }: Prepared): Found {
  const { crop } = source!;
  const { rings, box } = outline(mask, width, height, crop);
  const pixels = mask.reduce((sum, value) => sum + (value >= 0.5 ? 1 : 0), 0);
  return {
    rings: rings.map((ring) => Float32Array.from(ring.flat())),
    box: box ?? null,
    area: (pixels * (crop.x1 - crop.x0) * (crop.y1 - crop.y0)) / (width * height),
  };
}

/** What of an image is to be explained. */
export interface ExplainRequest {
  method: ExplainMethod;
  /** Undefined: the last one, or the method has none. */
  point: string | undefined;
  /** A class's name; undefined: the predicted one, of two classes at the threshold. */
  of: string | undefined;
  threshold: number;
}

export interface Explained extends Explanation {
  /** Undefined where it is the same, or there is nothing to enhance. */
  before: Grid | undefined;
  after: Grid;
}

/** One image's answer. */
export interface Answer {
  stamp: Stamp;
  image: PredictedImage;
  /** Undefined if none was asked for. */
  explained: Explained | undefined;
}

/**
 * Predicts one image, and explains it on request.
 * @param place with its frame, where its file has several
 * @param stamp as in `ask`
 * @throws DataError for a picture that cannot be read, ConfigError for what the model cannot explain, InputError
 */
export async function answer(
  gpu: Gpu,
  model: ModelId,
  place: Place,
  { stamp, request }: { stamp: Stamp | undefined; request: ExplainRequest | undefined },
): Promise<Answer> {
  using asked = await ask(gpu, model, stamp);
  const { open } = asked;
  const [picture] = await openPlace(place);
  const { frame, film, grey } = picture!;
  const name = nameOf(place);
  const read = await grey();
  const image = prepared(read, name, place, open.loaded.checkpoint.config);
  const pixels = assembleBatch([image], []).image;
  const [prediction] = await (await asked.predictor(1)).predict(pixels);
  const job = { at: 0, name, frame, film, note: read.note, image };
  return {
    stamp: asked.stamp,
    image: described(job, prediction!, open),
    explained: request && (await explain(asked, pixels, prediction!, request)),
  };
}

async function explain(
  asked: Asked,
  pixels: Float32Array,
  { probabilities, mask }: Prediction,
  { method, point, of, threshold }: ExplainRequest,
): Promise<Explained> {
  const { open } = asked;
  const settings = isOfClass(method)
    ? { method, threshold, ...(point === undefined ? {} : { point }), ...(of === undefined ? {} : { of }) }
    : { method, threshold };
  const explanation = requireExplainable(open.loaded, settings);
  const explainer = await asked.explainer(explanation);
  const chosen = isOfClass(method)
    ? (explanation.of ?? predictedClass(probabilities!, open.classes, threshold))
    : undefined;
  const [activation] = await explainer.explain(pixels, [mask], [chosen]);
  const { before, after } = activation!;
  return { ...explanation, of: chosen, before: explainer.enhanced ? before : undefined, after };
}
