/** Summaries of films: one prediction per frame, aggregated over the film. */
import { isBenignMalignant, type Classes } from "../data/classes.ts";
import type { Box } from "../data/sample.ts";

/** A multi-frame file whose frames are all predicted. */
export interface Film {
  name: string;
  frames: number;
}

/** A frame's prediction. */
interface FrameResult {
  image: string;
  box: Box | null;
  /** Probability of the positive class; undefined while the classifier is not trained. */
  score: number | undefined;
}

/** A probability over the frames, and the frame with the maximum. */
interface Over {
  mean: number;
  greatest: number;
  frame: string;
}

/** The summary of a film's frames. The reader decides which number counts: none of them is a diagnosis. */
export interface FilmSummary {
  image: string;
  frames: number;
  /** Number of usable frames. */
  predicted: number;
  /** Number of frames with a nodule outline; null if the network has not learned outlines. */
  withNodule: number | null;
  /** For benign and malignant; null while the classifier is not trained. */
  malignant?: Over | null;
  /** For other classes: that of the positive one. */
  positive?: ({ class: string } & Over) | null;
}

export class Films {
  readonly #results = new Map<Film, FrameResult[]>();

  /** @param film the same object for all its frames; undefined for what is no frame */
  add(film: Film | undefined, result: FrameResult): void {
    if (!film) return;
    const results = this.#results.get(film);
    if (results) results.push(result);
    else this.#results.set(film, [result]);
  }

  /** In film order. */
  summaries(outlines: boolean, classes: Classes): FilmSummary[] {
    return [...this.#results].map(([{ name, frames }, results]) => {
      const over = overFrames(results);
      const withNodule = outlines ? results.filter(({ box }) => box !== null).length : null;
      const summary = { image: name, frames, predicted: results.length, withNodule };
      if (isBenignMalignant(classes)) return { ...summary, malignant: over };
      return { ...summary, positive: over && { class: classes.names[classes.positive]!, ...over } };
    });
  }
}

function overFrames(results: readonly FrameResult[]): Over | null {
  const known = results.flatMap(({ image, score }) => (score === undefined ? [] : [{ image, score }]));
  if (known.length === 0) return null;
  const greatest = known.reduce((a, b) => (b.score > a.score ? b : a));
  const mean = known.reduce((sum, { score }) => sum + score, 0) / known.length;
  return { mean, greatest: greatest.score, frame: greatest.image };
}

/** "loop.dcm: 120 frames: 31.0 % malignant on average, 58.2 % at most (loop.dcm#33); a nodule in 96 of 120". */
export function showFilm({ image, frames, predicted, withNodule, malignant, positive }: FilmSummary): string {
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const over = malignant ?? positive;
  const name = positive?.class ?? "malignant";
  const verdict = over
    ? [`${percent(over.mean)} ${name} on average, ${percent(over.greatest)} at most (${over.frame})`]
    : [];
  const found = withNodule === null ? `${predicted} predicted` : `a nodule in ${withNodule} of ${predicted}`;
  return `${image}: ${frames} frames: ${[...verdict, found].join("; ")}`;
}
