/** Reads the prediction records in a run's folder. */
import {
  parsePredictions,
  type ImagePrediction,
  type EvaluatedSide,
  type Predictions,
} from "../metrics/predictions.ts";
import { predictionsFile } from "./run.ts";
import { readText, type Store } from "./store.ts";

/** @throws InputError, DataError as one line with the file's name */
export const readPredictions = async (store: Store, on: EvaluatedSide): Promise<Predictions | undefined> => {
  const file = predictionsFile(on);
  return (await store.exists(file)) ? parsePredictions(await readText(store, file), store.path(file)) : undefined;
};

/**
 * The saved predictions of a run's checkpoint for the images of a side; undefined if there are none yet.
 * @throws DataError if the file is not a record of predictions
 */
export async function keptPredictions(
  store: Store,
  checkpointName: "last" | "best",
  side: EvaluatedSide,
): Promise<ImagePrediction[] | undefined> {
  const kept = await readPredictions(store, side);
  return kept?.checkpoint === `${checkpointName}.safetensors` && kept.on === side ? kept.images : undefined;
}
