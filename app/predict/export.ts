/** Predictions as files: CSV, and JSON in the form of the command line's predictions.json. */
import { stringify } from "csv-stringify/browser/esm/sync";
import type { Classes } from "../../src/data/classes.ts";
import type { Skipped } from "../../src/data/sample.ts";
import { Films, type Film, type FilmSummary } from "../../src/runs/films.ts";
import { verdictOf } from "../../src/runs/verdict.ts";
import type { ModelEntry } from "../worker/models.ts";
import type { Reading } from "./rows.ts";
import { NOTE } from "./words.ts";

export interface Exported {
  readonly model: Pick<ModelEntry, "name" | "classes" | "classifies" | "outlines">;
  readonly threshold: number;
  readonly readings: readonly Reading[];
  readonly left: readonly Skipped[];
}

/** One line an image. Texts that a spreadsheet would take for formulas are escaped. */
export function toCsv({ model, threshold, readings }: Exported): string {
  const { names } = model.classes;
  const binary = names.length === 2;
  const known = readings.some(({ truth }) => truth?.label !== undefined);
  const header = [
    "image",
    ...(model.classifies ? names.map((name) => `probability ${name}`) : []),
    ...(model.classifies ? ["predicted", ...(binary ? ["threshold"] : [])] : []),
    ...(known ? ["truth"] : []),
    ...(model.outlines ? ["x0", "y0", "x1", "y1", "area"] : []),
    ...["width", "height", "model", "note"],
  ];
  const lines = readings.map(({ row, truth, predicted }) => {
    const { found } = row;
    const { x0 = "", y0 = "", x1 = "", y1 = "" } = found?.box ?? {};
    return [
      row.name,
      ...(model.classifies ? names.map((_, c) => row.probabilities?.[c] ?? "") : []),
      ...(model.classifies ? [nameOf(predicted, model.classes), ...(binary ? [threshold] : [])] : []),
      ...(known ? [nameOf(truth?.label, model.classes)] : []),
      ...(model.outlines ? [x0, y0, x1, y1, found?.area ?? ""] : []),
      ...[row.width, row.height, model.name, NOTE],
    ];
  });
  return stringify([header, ...lines], { escape_formulas: true });
}

const nameOf = (label: number | undefined, { names }: Classes): string => (label === undefined ? "" : names[label]!);

/** @param pictures their file names, in the readings' order, where they are written too */
export function toJson({ model, threshold, readings, left }: Exported, pictures?: readonly string[]): string {
  const { classes, outlines } = model;
  const predictions = readings.map(({ row, truth, predicted }, i) => {
    const { verdict } = verdictOf(row.probabilities ?? undefined, classes);
    return {
      ...{ image: row.name, ...verdict },
      ...(predicted === undefined ? {} : { predicted: classes.names[predicted]! }),
      ...(truth?.label === undefined ? {} : { truth: classes.names[truth.label]! }),
      box: row.found?.box ?? null,
      ...(pictures ? { picture: pictures[i]! } : {}),
    };
  });
  const loops = loopsOf(readings, model);
  const report = {
    ...{ checkpoint: model.name, note: NOTE },
    ...(outlines ? {} : { outlines: "not learned" }),
    ...(model.classifies && classes.names.length === 2 ? { threshold } : {}),
    predictions,
    ...(loops.length > 0 ? { loops } : {}),
    skipped: left,
  };
  return `${JSON.stringify(report, null, 2)}\n`;
}

/** What is said of each film as a whole. */
export function loopsOf(
  readings: readonly Reading[],
  { classes, outlines }: Pick<ModelEntry, "classes" | "outlines">,
): FilmSummary[] {
  const films = new Films();
  const known = new Map<string, Film>();
  for (const { row } of readings) {
    if (!row.film) continue;
    const film = known.get(row.film.name) ?? row.film;
    known.set(film.name, film);
    const score = row.probabilities?.[classes.positive];
    films.add(film, { image: row.name, box: row.found?.box ?? null, score });
  }
  return films.summaries(outlines, classes);
}

/** A name for each image's picture that any file system takes, unlike any other: "case 3.png", "loop-f0012.png". */
export function pictureNames(images: readonly string[]): string[] {
  const taken = new Set<string>();
  return images.map((image) => {
    const [, file = image, frame] = /^(.+)#([1-9]\d{0,8})$/s.exec(image) ?? [];
    const base = file
      .split(/[/\\]/)
      .at(-1)!
      .replace(/(?<=.)\.[^.]*$/, "");
    const name = `${safeName(base)}${frame === undefined ? "" : `-f${frame.padStart(4, "0")}`}`;
    let free = `${name}.png`;
    // Windows and macOS take names that differ in case for one.
    for (let n = 2; taken.has(free.toLowerCase()); n++) free = `${name}-${n}.png`;
    taken.add(free.toLowerCase());
    return free;
  });
}

/** Letters of all scripts stay; what a path or a shell would take for something else does not. */
export const safeName = (name: string): string =>
  name
    .normalize("NFC")
    .replace(/[\p{C}<>:"/\\|?*]+/gu, "-")
    .replace(/^[. ]+|[. ]+$/g, "")
    .slice(0, 100) || "image";
