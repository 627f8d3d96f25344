/** The record of what a model said of each image: predictions.json. */
import { z } from "zod";
import { DataError, reasonOf } from "../data/sample.ts";
import { explain } from "../data/readers/values.ts";
import type { Cases } from "./cases.ts";

const FORMAT = "mganet-predictions-1";
const share = z.number().min(0).max(1);

const predictionSchema = z.strictObject({
  /** Its name in the data set. */
  image: z.string().min(1),
  /** Images of one patient are not independent of each other; null where no patient is known. */
  patient: z.string().nullable(),
  /** 1 malignant, 0 benign, null not known. */
  label: z.union([z.literal(0), z.literal(1)]).nullable(),
  /** Probability of malignancy; null while the classifier is not trained. */
  malignant: share.nullable(),
  /** Of the mask at 0.5 against the ellipses of the image's boxes; null where no nodule is marked. */
  dice: share.nullable(),
  iou: share.nullable(),
});

/** Which of its images a run was evaluated on: its validation or test images, its external set, or all of a folder. */
export const evaluatedSides = ["val", "test", "external", "all"] as const;
export type EvaluatedSide = (typeof evaluatedSides)[number];

const predictionsSchema = z.looseObject({
  format: z.literal(FORMAT),
  /** The checkpoint's file; in a run folder, its name there. */
  checkpoint: z.string(),
  /** The data set's name. */
  data: z.string(),
  on: z.enum(evaluatedSides),
  /** From this probability on an image is taken for malignant. */
  threshold: share,
  images: z.array(predictionSchema).min(1),
});

export type ImagePrediction = z.infer<typeof predictionSchema>;

export interface Predictions {
  checkpoint: string;
  data: string;
  on: EvaluatedSide;
  threshold: number;
  images: ImagePrediction[];
}

/** The text of a file that `parsePredictions` reads; `more` is written beside it, for people and other programs. */
export function writePredictions(predictions: Predictions, more: Record<string, unknown> = {}): string {
  const { checkpoint, data, on, threshold, images } = predictions;
  const head = JSON.stringify({ format: FORMAT, checkpoint, data, on, threshold, ...more }, null, 2);
  // A line an image: thousands of them stay readable.
  const lines = images.map(({ image, patient, label, malignant, dice, iou }) =>
    JSON.stringify({ image, patient, label, malignant, dice, iou }),
  );
  return `${head.slice(0, -2)},\n  "images": [\n    ${lines.join(",\n    ")}\n  ]\n}\n`;
}

/** @throws DataError in one line that names the file, where the text is no such record */
export function parsePredictions(text: string, file: string): Predictions {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new DataError(`${file}: is not JSON: ${reasonOf(error)}`);
  }
  const result = predictionsSchema.safeParse(json);
  if (!result.success) {
    throw new DataError(`${file}: is no record of train's or evaluate's predictions: ${explain(result.error)}`);
  }
  const { checkpoint, data, on, threshold, images } = result.data;
  const seen = new Set<string>();
  for (const { image } of images) {
    if (seen.has(image)) throw new DataError(`${file}: has the image ${image.slice(0, 60)} more than once`);
    seen.add(image);
  }
  return { checkpoint, data, on, threshold, images };
}

/** A prediction of an image whose class is known, by a trained classifier. */
export type Classified = ImagePrediction & { label: 0 | 1; malignant: number };

/** Those of the predictions that count for classification. */
export const classified = (images: readonly ImagePrediction[]): Classified[] =>
  images.filter((p): p is Classified => p.label !== null && p.malignant !== null);

/** Their probabilities and classes. */
export const casesOf = (images: readonly Classified[]): Cases & { score: number[]; label: number[] } => ({
  score: images.map((p) => p.malignant),
  label: images.map((p) => p.label),
});

/** What is resampled together: the patient where one is known, else the image. */
export const groupsOf = (images: readonly ImagePrediction[]): string[] =>
  images.map(({ patient, image }) => (patient === null ? `image ${image}` : `patient ${patient}`));

/** How many patients the images are of; null where not every image has one. */
export function patientCount(images: readonly ImagePrediction[]): number | null {
  const patients = images.map(({ patient }) => patient);
  return patients.includes(null) ? null : new Set(patients).size;
}
