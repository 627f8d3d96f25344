/** What sets runs of one study apart that their rows do not: for whoever compares them. */
import { runName, startsShared, type RunKey } from "../study/plan.ts";
import { rowOf, type TableId } from "../study/rows.ts";
import { sharedPhase } from "../train/pretrained.ts";
import type { EpochRecord } from "../train/training.ts";
import { damageIn } from "./damage.ts";
import { isComplete, readAdapter, readRecords } from "./run.ts";
import type { StudyFolder } from "./study-folder.ts";

/** One line each; none if the runs were made alike. */
export async function studyNotes(
  folder: StudyFolder,
  tables: readonly TableId[],
  seeds: readonly number[],
): Promise<string[]> {
  const { config } = folder.study;
  const notes: string[] = [];
  const adapters = new Map<string, number>();
  for (const group of folder.groups(tables, seeds)) {
    const starts = new Map<string, RunKey[]>();
    for (const run of group.runs) {
      const store = folder.runStore(run);
      if (!(await isComplete(store))) continue;
      const adapter = await readAdapter(store);
      if (adapter !== undefined) adapters.set(adapter, (adapters.get(adapter) ?? 0) + 1);
      if (!startsShared(config, run)) continue;
      let records: EpochRecord[] = [];
      const damage = await damageIn(async () => (records = await readRecords(store)));
      if (damage !== undefined) {
        notes.push(`${damage}: what its run starts from is not known`);
        continue;
      }
      const start = startOf(records, sharedPhase(folder.configOf(run))!.name);
      starts.set(start, [...(starts.get(start) ?? []), run]);
    }
    if (starts.size < 2) continue;
    const { title } = sharedPhase(folder.configOf(group.runs[0]!)) ?? { title: "Shared phase" };
    const parts = [...starts.values()].map((runs) => runs.map(({ row }) => rowOf(row).label).join(", "));
    notes.push(
      `${title}, ${runName(group)}: its rows start from ${starts.size} trainings of it that differ, since it was trained again elsewhere (${parts.join(" | ")}): they differ by more than their rows`,
    );
  }
  if (adapters.size > 1) {
    const parts = [...adapters].map(([name, count]) => `${name} (${count})`);
    notes.push(
      `The runs were trained on ${adapters.size} kinds of adapters: ${parts.join(", ")}; equal seeds have equal bits only on one`,
    );
  }
  return notes;
}

/** The epochs that a run has from its shared phase, without times. */
const startOf = (records: readonly EpochRecord[], stage: string): string =>
  JSON.stringify(
    records.filter((record) => record.stage === stage).map((record) => ({ ...record, seconds: 0, imagesPerSecond: 0 })),
  );
