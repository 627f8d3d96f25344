/** Records of predictions as files. */
import type { Prepared } from "../data/sample.ts";
import { fromSecond, parsePredictions, type ImagePrediction, type Predictions } from "../metrics/predictions.ts";
import type { ImageResult } from "../train/stage.ts";
import { readInput } from "./files.ts";

/** How images came out, with their patients, which the network knows nothing of. */
export function predictionsOf(results: readonly ImageResult[], prepared: readonly Prepared[]): ImagePrediction[] {
  const patients = new Map(prepared.map((p) => [p.id, patientOf(p)]));
  return results.map(({ id, malignant, label, dice, iou }) => ({
    image: id,
    patient: patients.get(id) ?? null,
    label: label ?? null,
    probabilities: Number.isNaN(malignant) ? null : fromSecond(malignant),
    dice,
    iou,
  }));
}

/** An image whose patient is not known is a group of its own (Sample.group). The prefix is the manifest reader's. */
const patientOf = ({ id, group }: Prepared): string | null => (group === id ? null : group.replace(/^patient /, ""));

/** @throws InputError, DataError in one line that names the file */
export async function readPredictions(file: string): Promise<Predictions> {
  return parsePredictions((await readInput(file)).toString("utf8"), file);
}
