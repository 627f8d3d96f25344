/** A model's raw answers to a stream of images. Memory does not grow with their number. */
import type { GreyImage } from "../../src/data/grey-image.ts";
import { frameName } from "../../src/data/picture-name.ts";
import { reasonOf, type Skipped } from "../../src/data/sample.ts";
import type { Film } from "../../src/runs/films.ts";
import { inBatches, predictBatches, withFirst, type Predicted, type PredictJob } from "../../src/runs/predict.ts";
import type { TrainConfig } from "../../src/train/config.ts";
import { giveWay } from "../../src/web/give-way.ts";
import { preparePicture, type PreparedPicture } from "../../src/runs/prepare-picture.ts";
import type { Asked } from "./open-models.ts";
import { openPlace, type Place } from "./places.ts";

/** Images in the network at a time. */
const BATCH = 8;

/** The raw answers, batch by batch. */
export async function* answersOf(
  asked: Asked,
  places: readonly Place[],
  onLeft: (left: Skipped) => void,
  signal: AbortSignal,
): AsyncGenerator<Predicted<Job>[]> {
  const { config } = asked.open.loaded.checkpoint;
  const batches = ahead(inBatches(jobsOf(places, config, onLeft, signal), BATCH));
  const next = await batches.next();
  if (next.done) return;
  // A single image is answered sooner by a network of one.
  const predictor = await asked.predictor(next.value.length);
  yield* predictBatches(withFirst(next as IteratorResult<Job[], undefined>, batches), { predictor });
}

/** An image that is asked about. */
export interface Job extends PredictJob {
  /** Index into the places. */
  at: number;
  /** What people see. */
  name: string;
  frame: number | undefined;
  film: Film | undefined;
  note: string | undefined;
}

async function* jobsOf(
  places: readonly Place[],
  config: TrainConfig,
  onLeft: (left: Skipped) => void,
  signal: AbortSignal,
): AsyncGenerator<Job> {
  for (const [at, place] of places.entries()) {
    const name = nameOf(place);
    let read = name;
    try {
      for (const { frame, film, grey } of await openPlace(place)) {
        await giveWay();
        if (signal.aborted) return;
        read = place.kind === "file" && film ? frameName(name, frame!) : name;
        try {
          const picture = await grey();
          yield { at, name: read, frame, film, note: picture.note, image: prepared(picture, read, place, config) };
        } catch (error) {
          onLeft({ file: read, reason: reasonOf(error) });
        }
      }
    } catch (error) {
      onLeft({ file: read, reason: reasonOf(error) });
    }
  }
}

/** What people see; for a film's file without the frame. */
export const nameOf = (place: Place): string => (place.kind === "project" ? place.image.id : place.name);

/** The place's picture as the network sees it. @throws DataError */
export const prepared = (picture: GreyImage, id: string, place: Place, config: TrainConfig): PreparedPicture =>
  preparePicture(picture, id, config, place.kind === "project" && place.image.cropped);

/** Reads the next batch while one is on the device. */
async function* ahead<T>(items: AsyncGenerator<T, undefined>): AsyncGenerator<T, undefined> {
  let next = items.next();
  for (;;) {
    const { done, value } = await next;
    if (done) return;
    next = items.next();
    next.catch(() => {}); // Awaited above.
    yield value;
  }
}
