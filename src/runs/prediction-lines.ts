/** The lines of predictions.jsonl, one for every image: its prediction, or why it was left out. They are also the journal. */
import * as z from "zod";
import { csvLine } from "../data/csv.ts";
import { frameOf } from "../data/picture-name.ts";
import type { PredictionJob } from "./prediction-job.ts";

const number = z.number();
const box = z.strictObject({ x0: number, y0: number, x1: number, y1: number });

const schema = z.strictObject({
  /** Place of its file in the sorted list, from 0. */
  index: z.int().min(0),
  /** As listed; `loop.dcm#12` for a film's frame. */
  image: z.string().min(1),
  leftOut: z.string().exactOptional(),
  /** As in predictions.json of single images: the probability of malignancy, or those of all classes. */
  malignant: number.nullable().exactOptional(),
  probabilities: z.record(z.string(), number).nullable().exactOptional(),
  predicted: z.string().nullable().exactOptional(),
  /** Absent if the network has not learned outlines. */
  box: box.nullable().exactOptional(),
  note: z.string().exactOptional(),
});

export type PredictionLine = z.infer<typeof schema>;

export const writeLine = (line: PredictionLine): string => `${JSON.stringify(line)}\n`;

/** Undefined for anything else, such as a line cut short. */
export function parseLine(text: string): PredictionLine | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/**
 * Follows the lines of a shard, which must be those of its images, in their order. A film has a line for each frame, in theirs.
 */
export class LineOrder {
  /** How many images were reached; the last may be a film with frames to come. */
  reached = 0;
  /** The frame of the last line, if it is one of a film that was named as a whole. */
  frame: number | undefined;
  readonly #place: (k: number) => number;
  readonly #name: ((k: number) => string | undefined) | undefined;

  /** @param place the place of the k-th image in the whole list; `name` what it is called there, if known */
  constructor(place: (k: number) => number, name?: (k: number) => string | undefined) {
    this.#place = place;
    this.#name = name;
  }

  /** @returns false for a line that does not follow; it then counts as not seen */
  accepts({ index, image }: PredictionLine): boolean {
    const last = this.reached - 1;
    if (last >= 0 && this.frame !== undefined && index === this.#place(last)) {
      const frame = this.#frame(last, image);
      if (frame === undefined || frame <= this.frame) return false;
      this.frame = frame;
      return true;
    }
    if (index !== this.#place(this.reached)) return false;
    const frame = this.#frame(this.reached, image);
    if (frame === undefined && this.#name && image !== this.#name(this.reached)) return false;
    this.frame = frame;
    this.reached++;
    return true;
  }

  /** The frame in the name of a film's line; undefined for an image of the list. */
  #frame(k: number, image: string): number | undefined {
    const framed = frameOf(image);
    if (!framed || !this.#name) return framed?.frame;
    return framed.file === this.#name(k) ? framed.frame : undefined;
  }
}

/** Counts lines, and reasons for leaving images out. */
export class LineCounts {
  lines = 0;
  predicted = 0;
  readonly #reasons = new Map<string, { images: number; first: string }>();

  add({ image, leftOut }: PredictionLine): void {
    this.lines++;
    if (leftOut === undefined) {
      this.predicted++;
      return;
    }
    // Reasons may quote what is in a file: their number has to stay small.
    const known =
      this.#reasons.get(leftOut) ?? (this.#reasons.size < MOST_REASONS ? undefined : this.#reasons.get(OTHERS));
    if (known) known.images++;
    else this.#reasons.set(this.#reasons.size < MOST_REASONS ? leftOut : OTHERS, { images: 1, first: image });
  }

  get leftOut(): number {
    return this.lines - this.predicted;
  }

  /** The most frequent first. */
  get reasons(): { reason: string; images: number; first: string }[] {
    return [...this.#reasons]
      .map(([reason, count]) => ({ reason, ...count }))
      .sort((a, b) => b.images - a.images || (a.reason < b.reason ? -1 : 1));
  }
}

const MOST_REASONS = 100;
const OTHERS = "other reasons";

/** The columns of predictions.csv. */
export function csvColumns(
  { classes, learned }: Pick<PredictionJob, "classes" | "learned">,
  binary: boolean,
): string[] {
  return [
    ...["index", "image"],
    ...(binary ? ["malignant"] : [...classes.map((name) => `p(${name})`), "predicted"]),
    ...(learned.outlines ? ["x0", "y0", "x1", "y1"] : []),
    ...["left_out", "note"],
  ];
}

/** A line's cells in these columns. */
export function csvRow(
  { index, image, malignant, probabilities, predicted, box, leftOut, note }: PredictionLine,
  { classes, learned }: Pick<PredictionJob, "classes" | "learned">,
  binary: boolean,
): string {
  const cells = [
    ...[index, image],
    ...(binary ? [malignant] : [...classes.map((name) => probabilities?.[name]), predicted]),
    ...(learned.outlines ? [box?.x0, box?.y0, box?.x1, box?.y1] : []),
    ...[leftOut, note],
  ];
  return csvLine(cells);
}
