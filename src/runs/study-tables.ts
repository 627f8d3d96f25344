/** Computes the tables of a study from its runs' predictions. */
import type { ImagePrediction } from "../metrics/predictions.ts";
import { runTitle } from "../study/plan.ts";
import { studyTable, type StudyTable } from "../study/results.ts";
import { tableOf, type TableId } from "../study/rows.ts";
import { classesOf } from "../train/classes.ts";
import { keptPredictions } from "./predictions.ts";
import { REPORT } from "./run.ts";
import { InputError } from "./store.ts";
import type { StudyFolder } from "./study-folder.ts";

/** Whether the tables of all seeds are in study.json, and the report, which is written last, is there. */
export async function areWritten(folder: StudyFolder): Promise<boolean> {
  const { study, store } = folder;
  const { tables, sides, results } = study;
  const has = tables.every((table) =>
    (tableOf(table).sides ?? sides)
      .filter((on) => sides.includes(on))
      .every((on) =>
        results.some(
          (result) =>
            result.table === table && result.on === on && result.seeds.join() === folder.seedsOf(table).join(),
        ),
      ),
  );
  return has && store.exists(REPORT);
}

/** The tables, each of those seeds of which the study has all its rows, for all images that it is about and that the runs were evaluated on. */
export async function studyTables(
  folder: StudyFolder,
  ids: readonly TableId[],
  asked: readonly number[],
): Promise<StudyTable[]> {
  const { checkpoint, config, sides } = folder.study;
  const results: StudyTable[] = [];
  for (const table of ids) {
    const seeds = folder.seedsOf(table).filter((seed) => asked.includes(seed));
    for (const on of tableOf(table).sides ?? sides) {
      if (!sides.includes(on)) continue;
      const kept = new Map<string, ImagePrediction[][]>();
      for (const run of folder.groups([table], seeds).flatMap(({ runs }) => runs)) {
        const key = `${run.row} ${run.seed}`;
        const predictions = await keptPredictions(folder.runStore(run), checkpoint, on);
        if (!predictions) {
          const which = `${runTitle(run)} has no predictions of ${checkpoint}.safetensors (${on})`;
          throw new InputError(
            `${folder.store.name}: ${which}: another command evaluates the study with another --checkpoint`,
          );
        }
        kept.set(key, [...(kept.get(key) ?? []), predictions]);
      }
      const of = (row: string, seed: number) => kept.get(`${row} ${seed}`)!;
      results.push(studyTable({ table, on, seeds, classes: classesOf(config), of }));
    }
  }
  return results;
}
