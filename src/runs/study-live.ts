/** A study as it is now, for its report. */
import type { KnownTable, LiveRun, LiveStudy } from "../report/study-live.ts";
import { foldsOf, runName } from "../study/plan.ts";
import { knownRows } from "../study/results.ts";
import { tableOf, type RowName } from "../study/rows.ts";
import { classesOf } from "../train/classes.ts";
import { totalEpochs } from "../train/config.ts";
import { pretraining } from "../train/pretrained.ts";
import { keptPredictions } from "./predictions.ts";
import { readRecords } from "./run.ts";
import type { StudyFolder } from "./study-folder.ts";
import { studyStatus, type RunStatus } from "./study-status.ts";

/** How it is put into words. */
export interface LiveTexts {
  detail: (run: RunStatus) => string;
  summary: (all: readonly RunStatus[]) => string;
  /** Seconds after which the page reads itself again. */
  refresh?: number | undefined;
}

/** @param folder as of now */
export async function liveStudy(folder: StudyFolder, { detail, summary, refresh }: LiveTexts): Promise<LiveStudy> {
  const status = await studyStatus(folder);
  const runs: LiveRun[] = [];
  for (const run of status) {
    const { place, state } = run;
    // A run that is being written may be read between two of its files.
    const records = await readRecords(folder.runStore(place)).catch(() => []);
    const config = folder.configOf(place);
    const epochs = totalEpochs(place.row === null ? pretraining(config) : config);
    const share = state === "finished" ? 1 : Math.min(1, records.length / epochs);
    runs.push({ row: place.row, name: runName(place), state, detail: detail(run), share, records });
  }
  const at = `${new Date().toISOString().slice(0, 19).replace("T", " ")} UTC`;
  return { at, runs, known: await knownTables(folder, status), summary: summary(status), refresh };
}

/** The tables that are not finished, on the sides that they are about. */
async function knownTables(folder: StudyFolder, status: readonly RunStatus[]): Promise<KnownTable[]> {
  const { tables, seeds, sides, config, results, checkpoint } = folder.study;
  const finished = (row: RowName, seed: number, fold: number | undefined) =>
    status.some(
      ({ place, state }) => state === "finished" && place.row === row && place.seed === seed && place.fold === fold,
    );
  const known: KnownTable[] = [];
  for (const table of tables) {
    for (const on of tableOf(table).sides ?? sides) {
      const whole = results.find((result) => result.table === table && result.on === on);
      // One of fewer seeds is shown as it is, and this beside it.
      if (!sides.includes(on) || whole?.seeds.join() === seeds.join()) continue;
      const kept = new Map<string, Awaited<ReturnType<typeof keptPredictions>>[]>();
      for (const row of tableOf(table).rows) {
        for (const seed of seeds) {
          for (const fold of foldsOf(config.folds)) {
            const has = finished(row, seed, fold);
            const images = has
              ? await keptPredictions(folder.runStore({ row, seed, fold }), checkpoint, on)
              : undefined;
            kept.set(`${row} ${seed}`, [...(kept.get(`${row} ${seed}`) ?? []), images]);
          }
        }
      }
      const of = (row: RowName, seed: number) => {
        const folds = kept.get(`${row} ${seed}`)!.flatMap((images) => (images ? [images] : []));
        return folds.length === foldsOf(config.folds).length ? folds : undefined;
      };
      known.push({
        table,
        on,
        of: seeds.length,
        rows: knownRows({ table, on, seeds, classes: classesOf(config), of }),
      });
    }
  }
  return known;
}
