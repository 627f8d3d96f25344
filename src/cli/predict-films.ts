/** Summaries of films: one answer a frame, and what they come to. */
import type { Box } from "../data/sample.ts";
import type { Film, Job } from "./predict-images.ts";

export interface Result {
  /** The image's name; `loop.dcm#12` of a film's frame. */
  image: string;
  /** Probability of malignancy; null while the classifier is not trained. */
  malignant: number | null;
  /** null where there is no nodule, or the network has not learned outlines. */
  box: Box | null;
  picture: string;
  /** With --explain. */
  panel?: string;
}

/** What the frames of a film come to. Which figure counts is for the reader: none of them is a diagnosis. */
export interface FilmSummary {
  image: string;
  frames: number;
  /** Frames that could be used. */
  predicted: number;
  /** Frames with the outline of a nodule; null where the network has not learned outlines. */
  withNodule: number | null;
  /** Probability of malignancy over the frames; null while the classifier is not trained. */
  malignant: { mean: number; greatest: number; frame: string } | null;
}

export class Films {
  readonly #results = new Map<Film, Result[]>();

  add({ film }: Job, result: Result): void {
    if (!film) return;
    const results = this.#results.get(film);
    if (results) results.push(result);
    else this.#results.set(film, [result]);
  }

  /** In the order of the films. */
  summaries(outlines: boolean): FilmSummary[] {
    return [...this.#results].map(([{ name, frames }, results]) => {
      const greatest = results.reduce((a, b) => ((b.malignant ?? 0) > (a.malignant ?? 0) ? b : a));
      const sum = results.reduce((total, { malignant }) => total + (malignant ?? NaN), 0);
      const malignant =
        greatest.malignant === null
          ? null
          : { mean: sum / results.length, greatest: greatest.malignant, frame: greatest.image };
      const withNodule = outlines ? results.filter(({ box }) => box !== null).length : null;
      return { image: name, frames, predicted: results.length, withNodule, malignant };
    });
  }
}

/** "loop.dcm: 120 frames: 31.0 % malignant on average, 58.2 % at most (loop.dcm#33); a nodule in 96 of 120". */
export function showFilm({ image, frames, predicted, withNodule, malignant }: FilmSummary): string {
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const verdict = malignant
    ? [`${percent(malignant.mean)} malignant on average, ${percent(malignant.greatest)} at most (${malignant.frame})`]
    : [];
  const found = withNodule === null ? `${predicted} predicted` : `a nodule in ${withNodule} of ${predicted}`;
  return `${image}: ${frames} frames: ${[...verdict, found].join("; ")}`;
}
