/** Computes the tables of a study from its runs' predictions. */
import type { ImagePrediction } from "../metrics/predictions.ts";
import { planRuns } from "../study/plan.ts";
import { studyTable, type StudyTable } from "../study/results.ts";
import type { TableNumber } from "../study/rows.ts";
import { classesOf } from "../train/classes.ts";
import { keptPredictions } from "./predictions.ts";
import type { StudyFolder } from "./study-folder.ts";

/** The tables for all images that the runs were evaluated on. */
export async function studyTables(
  folder: StudyFolder,
  numbers: readonly TableNumber[],
  seeds: readonly number[],
): Promise<StudyTable[]> {
  const { checkpoint, config, sides } = folder.study;
  const results: StudyTable[] = [];
  for (const table of numbers) {
    for (const on of sides) {
      const kept = new Map<string, ImagePrediction[][]>();
      for (const run of planRuns([table], seeds, config.folds).flatMap(({ runs }) => runs)) {
        const key = `${run.row} ${run.seed}`;
        const predictions = await keptPredictions(folder.runStore(run), checkpoint, on);
        kept.set(key, [...(kept.get(key) ?? []), predictions!]);
      }
      const of = (row: string, seed: number) => kept.get(`${row} ${seed}`)!;
      results.push(studyTable({ table, on, seeds, classes: classesOf(config), of }));
    }
  }
  return results;
}
