/** Records of predictions in a run's folder. */
import {
  parsePredictions,
  type ImagePrediction,
  type EvaluatedSide,
  type Predictions,
} from "../metrics/predictions.ts";
import { predictionsFile } from "./run.ts";
import { readText, type Store } from "./store.ts";

/** @throws InputError, DataError in one line that names the file */
export const readPredictions = async (store: Store, on: EvaluatedSide): Promise<Predictions | undefined> => {
  const file = predictionsFile(on);
  return (await store.exists(file)) ? parsePredictions(await readText(store, file), store.path(file)) : undefined;
};

/**
 * What a run's checkpoint said of the images of a side; undefined where it has not been asked yet.
 * @throws DataError if the file is no record of predictions
 */
export async function keptPredictions(
  store: Store,
  checkpointName: "last" | "best",
  side: EvaluatedSide,
): Promise<ImagePrediction[] | undefined> {
  const kept = await readPredictions(store, side);
  return kept?.checkpoint === `${checkpointName}.safetensors` && kept.on === side ? kept.images : undefined;
}
