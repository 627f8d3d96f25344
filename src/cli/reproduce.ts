/** `mganet reproduce`: the paper's ablation tables, on any images. */
import path from "node:path";
import { requireWritableFile, writeWhole } from "../node/files.ts";
import { StudyFolder } from "../node/study-folder.ts";
import { ConfigError, type TrainConfig } from "../train/config.ts";
import type { SideName } from "../train/study-file.ts";
import { studyTable, type StudyTable } from "../train/study-results.ts";
import { planRuns, type RunKey, type TableNumber } from "../train/study.ts";
import { byOption, configOf, type SaveOption, type TrainFlags } from "./options.ts";
import { clock } from "./progress.ts";
import { readPublished } from "./published.ts";
import { keptPredictions } from "./study-evaluate.ts";
import { titleOf } from "./study-progress.ts";
import { heading, csvTable, markdownTable, remarks, showTable } from "./study-table.ts";
import { isFinished, trainStudy } from "./study-runs.ts";
import type { TunedOption } from "./tuned.ts";

export interface ReproduceOptions extends Omit<TrainFlags, "seed" | "fusion" | "at" | "fold">, TunedOption, SaveOption {
  table: TableNumber[];
  seeds: number;
  checkpoint: "last" | "best";
  out?: string;
  published?: string;
  json?: string;
  dryRun?: boolean;
}

/** @returns the exit code: 0 all runs are finished, 130 or 129 interrupted */
export async function reproduce(options: ReproduceOptions): Promise<number> {
  const { checkpoint, table: numbers, json } = options;
  const config = settingsOf(options);
  const seeds = Array.from({ length: options.seeds }, (_, seed) => seed);
  const out = options.out ?? path.join("runs", `study-${config.preset}-${path.basename(path.resolve(config.data))}`);
  if (json !== undefined) await requireWritableFile(json);
  const published = options.published === undefined ? undefined : await readPublished(options.published);
  const folder = await StudyFolder.open(out, { config, tables: numbers, seeds, checkpoint }).catch((error: unknown) => {
    throw byOption(error);
  });
  const groups = planRuns(numbers, seeds, config.folds);
  const runs = groups.flatMap((group) => group.runs);
  if (options.dryRun) {
    for (const line of await showPlan(folder, runs)) console.log(line);
    return 0;
  }
  await folder.lock();
  try {
    const code = await trainStudy(folder, groups, options);
    if (code !== 0) return code;
  } catch (error) {
    throw byOption(error);
  }
  const results = await resultsOf(folder, numbers, seeds);
  const others = folder.study.results.filter(
    ({ table, on }) => !results.some((result) => result.table === table && result.on === on),
  );
  await folder.save({ results: [...others, ...results] });
  for (const result of results) {
    const data = result.on === "external" ? folder.study.external : folder.study.data;
    const title = heading(result, data, checkpoint);
    console.log(`\n${title}\n\n${showTable(result, published).join("\n")}\n`);
    for (const line of remarks(result, published)) console.log(line);
    const name = `table-${result.table}${result.on === "val" ? "" : `-${result.on}`}`;
    await writeWhole(folder.file(`${name}.md`), markdownTable(result, title, published));
    await writeWhole(folder.file(`${name}.csv`), csvTable(result));
  }
  if (json !== undefined) await writeWhole(json, `${JSON.stringify(folder.study, null, 2)}\n`);
  const { writeStudyReport } = await import("../node/report.ts");
  console.log(
    `\nStudy folder: ${folder.dir}\nReport: ${await writeStudyReport(folder.dir)}  (npm run report -- ${folder.dir} adds those of the runs, and activations)`,
  );
  return 0;
}

/** The settings that all runs share. The split is the same for all seeds, so that all are compared on the same images. */
function settingsOf(options: ReproduceOptions): TrainConfig {
  const config = configOf({ ...options, seed: 0, splitSeed: options.splitSeed ?? 0 });
  if (config.epochs.joint === 0) {
    throw new ConfigError("--joint-epochs: 0 leaves nothing to compare: rows differ in the joint stage alone");
  }
  return config;
}

/** What there is to do, without doing any of it. */
async function showPlan(folder: StudyFolder, runs: readonly RunKey[]): Promise<string[]> {
  const { study } = folder;
  const lines: string[] = [];
  let waiting = 0;
  for (const run of runs) {
    const done = await isFinished(folder, run);
    if (!done) waiting++;
    lines.push(`  ${titleOf(run).padEnd(40)} ${done ? "finished" : folder.noted(run).state}`);
  }
  const { segmentation, joint } = study.config.epochs;
  const stages = study.runs.filter((run) => run.row === null && run.state !== "finished").length;
  const known = study.runs.filter((run) => run.row !== null && run.state === "finished").map((run) => run.seconds);
  const mean = known.reduce((a, b) => a + b, 0) / known.length;
  const time = known.length > 0 ? `, about ${clock(mean * waiting)} by the runs so far` : "";
  return [
    `${folder.dir}: ${runs.length} runs of ${joint} joint epochs, after a segmentation stage of ${segmentation} for each seed and fold:`,
    ...lines,
    `To do: ${stages} segmentation stages and ${waiting} runs${time}`,
  ];
}

/** The tables on all images that the runs were evaluated on. */
async function resultsOf(
  folder: StudyFolder,
  numbers: readonly TableNumber[],
  seeds: readonly number[],
): Promise<StudyTable[]> {
  const results: StudyTable[] = [];
  for (const table of numbers) {
    for (const on of folder.study.sides) {
      const kept = await predictionsOf(folder, table, seeds, on);
      results.push(studyTable({ table, on, seeds, of: (row, seed) => kept.get(`${row} ${seed}`)! }));
    }
  }
  return results;
}

async function predictionsOf(folder: StudyFolder, table: TableNumber, seeds: readonly number[], on: SideName) {
  const { checkpoint, config } = folder.study;
  const kept = new Map<string, NonNullable<Awaited<ReturnType<typeof keptPredictions>>>[]>();
  for (const { runs } of planRuns([table], seeds, config.folds)) {
    for (const run of runs) {
      const key = `${run.row} ${run.seed}`;
      const predictions = await keptPredictions(folder.runDir(run), checkpoint, on);
      kept.set(key, [...(kept.get(key) ?? []), predictions!]);
    }
  }
  return kept;
}
