/** The images of a study: prepared once, and on the same sides in all its runs. */
import { existsSync } from "node:fs";
import { classNotes } from "../data/class-notes.ts";
import type { Prepared } from "../data/sample.ts";
import { splitData, splitFile, type SplitSides } from "../node/data/sides.ts";
import { readInput } from "../node/files.ts";
import type { StudyFolder } from "../node/study-folder.ts";
import type { SideName } from "../train/study-file.ts";
import { foldsOf } from "../train/study.ts";
import { prepareExternal } from "./evaluated.ts";
import { showNotes, showSkipped } from "./format.ts";
import type { Progress } from "./progress.ts";
import { describe, prepareShown } from "./train-data.ts";
import type { TrainingSides } from "./study-train.ts";

/** The images that the runs of one fold train on and are evaluated on. */
export interface StudySides extends TrainingSides {
  /** Images to evaluate on, by what they are. */
  evaluated: Partial<Record<SideName, Prepared[]>>;
}

export interface StudyData {
  name: string;
  /** "" without an external set. */
  external: string;
  /** By fold; one without folds. */
  folds: StudySides[];
  /** Splits that have just been drawn, by file: to be kept once it is sure that the study can begin. */
  drawn: ReadonlyMap<string, string>;
  /** For the summaries of the runs. */
  report: object;
}

/**
 * Reads, prepares and splits the images; a split that the study has been begun with stays as it is. What became of them is
 * printed.
 * @throws DataError
 */
export async function loadStudyData(folder: StudyFolder, progress: Progress, signal: AbortSignal): Promise<StudyData> {
  const { config } = folder.study;
  const { name, prepared, skipped, notes } = await prepareShown(config, progress, signal);
  const external = config.external === "" ? undefined : await prepareExternal(config, prepared, { signal });
  const folds: StudySides[] = [];
  const drawn = new Map<string, string>();
  for (const fold of foldsOf(config.folds)) {
    const { sides, split } = await sidesOf(folder, prepared, name, fold, drawn);
    const { train, val, test } = sides;
    const others = { ...(test.length > 0 ? { test } : {}), ...(external ? { external: external.images } : {}) };
    folds.push({ train, val, split, evaluated: { val, ...others } });
    if (fold !== undefined && fold > 0) continue;
    console.log(`Data: ${name}: ${describe("for training", train)}, ${describe("held out", val)}; ${sides.how}`);
    if (config.folds > 0) console.log(`      and so on: each image is held out by one of ${config.folds} folds`);
    if (test.length > 0) console.log(`      ${describe("for the test", test)}`);
    const lines = [...showSkipped([...skipped, ...sides.left]), ...showNotes(notes), ...sides.notes, ...classNotes(train, val)];
    for (const line of lines) console.log(line);
  }
  if (external) {
    console.log(`External: ${external.name}: ${describe("for the end", external.images)}`);
    for (const line of [...showSkipped(external.skipped), ...showNotes(external.notes)]) console.log(line);
  }
  const report = { name, skipped, notes, ...(external ? { external: external.name } : {}) };
  return { name, external: external?.name ?? "", folds, drawn, report };
}

/** The sides of a fold. The first time they are drawn, for a file of the study, which is read ever after. */
async function sidesOf(
  folder: StudyFolder,
  prepared: readonly Prepared[],
  name: string,
  fold: number | undefined,
  drawn: Map<string, string>,
): Promise<{ sides: SplitSides; split: string }> {
  const { config } = folder.study;
  const file = folder.file(fold === undefined ? "split.json" : `split-fold-${fold}.json`);
  if (existsSync(file)) {
    const sides = splitData(prepared, { ...config, split: file, folds: 0, fold: 0 });
    return { sides, split: (await readInput(file)).toString("utf8") };
  }
  const sides = splitData(prepared, { ...config, fold: fold ?? 0 });
  const split = splitFile(sides, name);
  drawn.set(file, split);
  return { sides, split };
}
