/** Loads the images of a study: prepared once, and on the same sides in all its runs. */
import { classNotes } from "../data/class-notes.ts";
import type { Prepared } from "../data/sample.ts";
import type { Study } from "../study/file.ts";
import { foldsOf, imagesConfig } from "../study/plan.ts";
import type { SideName } from "../study/figures.ts";
import { classesOf } from "../train/classes.ts";
import type { TrainConfig } from "../train/config.ts";
import type { ImageSource, SplitSides } from "./images.ts";
import { dataEvent, externalEvent, prepareExternal, prepareImages, withClasses } from "./load-data.ts";
import { readText, type Store } from "./store.ts";
import type { StudySink } from "./study-events.ts";

/** The images that the runs of one fold train and are evaluated on. */
export interface FoldImages {
  sides: SplitSides;
  /** The split in file form. */
  split: string;
  /** Images to evaluate on, by side. */
  evaluated: Partial<Record<SideName, Prepared[]>>;
}

export interface StudyImages {
  /** With the data set's classes. */
  config: TrainConfig;
  name: string;
  /** "" without an external set. */
  external: string;
  /** By fold; a single one without folds. */
  folds: FoldImages[];
  /** Newly drawn splits, by file, to be saved once the study is certain to start. */
  drawn: ReadonlyMap<string, string>;
  /** For the summaries of the runs. */
  report: object;
}

/**
 * Reads, prepares and splits the images; the split that the study was started with is reused. An event reports the result.
 * @throws DataError
 */
export async function loadStudyImages(
  store: Store,
  { config: given, tables }: Pick<Study, "config" | "tables">,
  source: ImageSource,
  { emit, signal }: { emit: StudySink; signal: AbortSignal },
): Promise<StudyImages> {
  const data = await prepareImages(source, imagesConfig(given, tables), { emit, signal });
  const { name, prepared, skipped, notes } = data;
  const config = withClasses(given, data.classes);
  const classes = classesOf(config);
  const external =
    config.external === "" ? undefined : await prepareExternal(source, config, prepared, { emit, signal });
  const folds: FoldImages[] = [];
  const drawn = new Map<string, string>();
  for (const fold of foldsOf(config.folds)) {
    const { sides, split } = await sidesOf(store, config, source, prepared, name, fold, drawn);
    const { train, val, test } = sides;
    const others = { ...(test.length > 0 ? { test } : {}), ...(external ? { external: external.prepared } : {}) };
    folds.push({ sides, split, evaluated: { val, ...others } });
    if (fold !== undefined && fold > 0) continue;
    const splitNotes = [...sides.notes, ...classNotes(train, val, classes)];
    emit(dataEvent(data, sides, { folds: config.folds, splitNotes }));
  }
  if (external) emit(externalEvent(external, classes));
  const report = { name, skipped, notes, ...(external ? { external: external.name } : {}) };
  return { config, name, external: external?.name ?? "", folds, drawn, report };
}

/** The sides of a fold: drawn the first time and saved in the study, then read from that file. */
async function sidesOf(
  store: Store,
  config: TrainConfig,
  source: ImageSource,
  prepared: readonly Prepared[],
  name: string,
  fold: number | undefined,
  drawn: Map<string, string>,
): Promise<{ sides: SplitSides; split: string }> {
  const file = fold === undefined ? "split.json" : `split-fold-${fold}.json`;
  if (await store.exists(file)) {
    const text = await readText(store, file);
    return { sides: source.split(prepared, config, { file: store.path(file), text }), split: text };
  }
  const sides = source.split(prepared, { ...config, fold: fold ?? 0 });
  const split = source.splitText(sides, name);
  drawn.set(file, split);
  return { sides, split };
}
