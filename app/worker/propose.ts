/** Boxes that a model would draw, for people to confirm. */
import { DataError, type Box, type Skipped } from "../../src/data/sample.ts";
import { outlineBoxes } from "../../src/explain/outline.ts";
import type { Gpu } from "../../src/gpu/gpu.ts";
import { answersOf } from "./answers.ts";
import type { ModelId } from "./models.ts";
import { ask } from "./open-models.ts";
import type { Place } from "./places.ts";

/** What a model would mark in an image. */
export interface ProposedBoxes {
  /** Index into the places. */
  readonly at: number;
  /** In pixels of the whole picture, one around each part of the mask above 0.5, the largest first. */
  readonly boxes: readonly Box[];
  /** As in `PredictedImage`. */
  readonly probabilities: readonly number[] | null;
}

export type ProposeEvent =
  { type: "boxes"; proposed: readonly ProposedBoxes[]; done: number } | { type: "left"; left: Skipped };

/** @throws DataError if the model has not learned outlines */
export async function propose(
  gpu: Gpu,
  model: ModelId,
  places: readonly Place[],
  { emit, signal }: { emit: (event: ProposeEvent) => void; signal: AbortSignal },
): Promise<void> {
  using asked = await ask(gpu, model);
  const { hasOutlines, isClassifier, loaded } = asked.open;
  if (!hasOutlines) throw new DataError(`${loaded.file} has not learned outlines: it cannot propose boxes`);
  for await (const answers of answersOf(asked, places, (left) => emit({ type: "left", left }), signal)) {
    const proposed = answers.map(({ job: { at, image }, prediction: { mask, probabilities } }): ProposedBoxes => {
      const { crop } = image.source!;
      const boxes = mask ? outlineBoxes(mask, image.width, image.height, crop) : [];
      return { at, boxes, probabilities: isClassifier && probabilities ? probabilities : null };
    });
    emit({ type: "boxes", proposed, done: proposed.at(-1)!.at + 1 });
    if (signal.aborted) return;
  }
}
