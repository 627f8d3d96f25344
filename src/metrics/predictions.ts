/**
 * The record of a model's predictions for each image: predictions.json. In memory it has one form for any classes; on disk two,
 * known only to this module: an older one for benign and malignant, with only the probability of malignancy, and one that names
 * its classes.
 */
import * as z from "zod";
import { benignMalignant, type Classes, classesOf, isBenignMalignant } from "../data/classes.ts";
import { DataError, reasonOf } from "../data/sample.ts";
import { explain } from "../data/readers/values.ts";
import { type Cases, sidesOf } from "./cases.ts";
import type { ClassCases } from "./multiclass.ts";

const BINARY_FORMAT = "mganet-predictions-1";
const NAMED_FORMAT = "mganet-predictions-2";
const share = z.number().min(0).max(1);

/** A model's prediction for one image. */
export interface ImagePrediction {
  /** Its name in the data set. */
  image: string;
  /** Images of one patient are not independent; null if the patient is unknown. */
  patient: string | null;
  /** Index of its class; null if unknown. */
  label: number | null;
  /** Per class; null while the classifier is not trained. */
  probabilities: readonly number[] | null;
  /** Dice of the mask at 0.5 with the target that the network learned; null if the image has none. */
  dice: number | null;
  iou: number | null;
  /** Dice of the mask at 0.5 with the nodules' true outlines; absent if they are unknown. */
  outlineDice?: number;
}

const common = {
  image: z.string().min(1),
  patient: z.string().nullable(),
  dice: share.nullable(),
  iou: share.nullable(),
  outlineDice: share.exactOptional(),
};

const binaryImage = z.strictObject({
  ...common,
  /** 1 malignant, 0 benign. */
  label: z.union([z.literal(0), z.literal(1)]).nullable(),
  /** Probability of malignancy. */
  malignant: share.nullable(),
});

const namedImage = z.strictObject({
  ...common,
  /** The class's name. */
  label: z.string().nullable(),
  /** By class name. */
  probabilities: z.record(z.string(), share).nullable(),
});

/** The images a run was evaluated on: its validation or test images, its external set, or all of a folder. */
export const evaluatedSides = ["val", "test", "external", "all"] as const;
export type EvaluatedSide = (typeof evaluatedSides)[number];

const head = {
  /** The checkpoint's file; in a run folder, its name there. */
  checkpoint: z.string(),
  /** The data set's name. */
  data: z.string(),
  on: z.enum(evaluatedSides),
  /** The positive class is predicted at or above this probability. */
  threshold: share,
};

const fileSchema = z.discriminatedUnion("format", [
  z.looseObject({ format: z.literal(BINARY_FORMAT), ...head, images: z.array(binaryImage).min(1) }),
  z.looseObject({
    format: z.literal(NAMED_FORMAT),
    ...head,
    classes: z.array(z.string()),
    positive: z.string(),
    images: z.array(namedImage).min(1),
  }),
]);

export interface Predictions {
  checkpoint: string;
  data: string;
  on: EvaluatedSide;
  threshold: number;
  /** Default: benign and malignant. */
  classes?: Classes;
  images: ImagePrediction[];
}

/** Probabilities of two classes from the second one's. */
export const fromSecond = (probability: number): readonly [number, number] => [1 - probability, probability];

/** The file text for `parsePredictions`; `more` is added for people and other programs. */
export function writePredictions(predictions: Predictions, more: Record<string, unknown> = {}): string {
  const { checkpoint, data, on, threshold, classes = benignMalignant, images } = predictions;
  const binary = isBenignMalignant(classes);
  const { names, positive } = classes;
  const named = binary ? {} : { classes: names, positive: names[positive]! };
  const format = binary ? BINARY_FORMAT : NAMED_FORMAT;
  const beginning = JSON.stringify({ format, checkpoint, data, on, threshold, ...named, ...more }, null, 2);
  // One line per image, so that thousands stay readable.
  const lines = images.map(({ image, patient, label, probabilities, dice, iou, outlineDice }) => {
    // JSON leaves out what is undefined.
    const masks = { dice, iou, outlineDice };
    if (binary) return JSON.stringify({ image, patient, label, malignant: probabilities?.[1] ?? null, ...masks });
    const byName = probabilities && Object.fromEntries(names.map((name, c) => [name, probabilities[c]!]));
    return JSON.stringify({
      ...{ image, patient, label: label === null ? null : names[label]!, probabilities: byName },
      ...masks,
    });
  });
  return `${beginning.slice(0, -2)},\n  "images": [\n    ${lines.join(",\n    ")}\n  ]\n}\n`;
}

/** @throws DataError, as one line with the file's name, if the text is not such a record */
export function parsePredictions(text: string, file: string): Predictions & { classes: Classes } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new DataError(`${file}: is not JSON: ${reasonOf(error)}`);
  }
  const result = fileSchema.safeParse(json);
  if (!result.success) {
    throw new DataError(`${file}: is not a record of the predictions of train or evaluate: ${explain(result.error)}`);
  }
  const { checkpoint, data, on, threshold } = result.data;
  const known = { checkpoint, data, on, threshold };
  const found =
    result.data.format === BINARY_FORMAT
      ? { ...known, classes: benignMalignant, images: result.data.images.map(ofBinary) }
      : { ...known, ...ofNamed(result.data, file) };
  const seen = new Set<string>();
  for (const { image } of found.images) {
    if (seen.has(image)) throw new DataError(`${file}: has the image ${image.slice(0, 60)} more than once`);
    seen.add(image);
  }
  return found;
}

const ofBinary = ({ malignant, ...image }: z.infer<typeof binaryImage>): ImagePrediction => ({
  ...image,
  probabilities: malignant === null ? null : fromSecond(malignant),
});

/** Rounding tolerance for the sum of an image's probabilities. */
const MAX_SUM_ERROR = 1e-3;

function ofNamed(
  { classes: names, positive, images }: Extract<z.infer<typeof fileSchema>, { format: typeof NAMED_FORMAT }>,
  file: string,
): Pick<Required<Predictions>, "classes" | "images"> {
  let classes: Classes;
  try {
    classes = classesOf(names, positive);
  } catch (error) {
    throw new DataError(`${file}: ${reasonOf(error)}`);
  }
  const fault = (image: string, what: string) => new DataError(`${file}: the image ${image.slice(0, 60)} ${what}`);
  return {
    classes,
    images: images.map(({ label, probabilities, ...image }): ImagePrediction => {
      const index = label === null ? null : names.indexOf(label);
      if (index === -1)
        throw fault(image.image, `has the class "${label!.slice(0, 60)}", which is not one of the file's`);
      if (!probabilities) return { ...image, label: index, probabilities };
      const values = names.map((name) => probabilities[name]);
      if (values.includes(undefined) || Object.keys(probabilities).length !== names.length) {
        throw fault(image.image, "does not have one probability for each class");
      }
      const list = values.map((value) => value!);
      if (Math.abs(list.reduce((a, b) => a + b) - 1) > MAX_SUM_ERROR) {
        throw fault(image.image, "has probabilities that do not add up to 1");
      }
      return { ...image, label: index, probabilities: list };
    }),
  };
}

/** A trained classifier's prediction for an image with a known class. */
export type Classified = ImagePrediction & { label: number; probabilities: readonly number[] };

/** The predictions that count for classification. */
export const classified = (images: readonly ImagePrediction[]): Classified[] =>
  images.filter((p): p is Classified => p.label !== null && p.probabilities !== null);

/** Probabilities and labels (1 or 0) of the positive class against the rest. */
export const casesOf = (
  images: readonly Classified[],
  classes: Classes = benignMalignant,
): Cases & { score: number[]; label: number[] } => ({
  score: images.map((p) => p.probabilities[classes.positive]!),
  label: images.map((p) => (p.label === classes.positive ? 1 : 0)),
  ...(isBenignMalignant(classes) ? {} : { sides: sidesOf(classes) }),
});

/** The input of the metrics for more than two classes. */
export const classCasesOf = (images: readonly Classified[], classes: Classes): ClassCases => ({
  classes,
  probabilities: images.map((p) => p.probabilities),
  label: images.map((p) => p.label),
});

/** What is resampled together: the patient if known, else the image. */
export const groupsOf = (images: readonly ImagePrediction[]): string[] =>
  images.map(({ patient, image }) => (patient === null ? `image ${image}` : `patient ${patient}`));

/** Number of patients; null unless every image has one. */
export function patientCount(images: readonly ImagePrediction[]): number | null {
  const patients = images.map(({ patient }) => patient);
  return patients.includes(null) ? null : new Set(patients).size;
}
