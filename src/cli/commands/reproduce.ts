/** `mganet reproduce`: trains and evaluates the paper's tables on any images. */
import path from "node:path";
import type { Gpu } from "../../gpu/gpu.ts";
import { requireWritableFile, writeWhole } from "../../node/files.ts";
import { FolderStore } from "../../node/folder-store.ts";
import { folderImages } from "../../node/image-source.ts";
import { requireResources } from "../../node/resources.ts";
import { paperFigures, type Published } from "../../report/published.ts";
import { plural, settingsText } from "../../report/show.ts";
import { checkImages } from "../../runs/load-data.ts";
import { ConfigError } from "../../models/config-error.ts";
import { isFinished, trainStudy, unfinishedRuns } from "../../runs/study.ts";
import { studyTables } from "../../runs/study-tables.ts";
import { StudyFolder } from "../../runs/study-folder.ts";
import { toJson } from "../../runs/store.ts";
import {
  imagesConfig,
  planRuns,
  requireClasses,
  runConfig,
  runTitle,
  startsShared,
  type Group,
  type RunKey,
} from "../../study/plan.ts";
import type { StudyTable } from "../../study/results.ts";
import { tableFile, tableOf } from "../../study/rows.ts";
import { sharedPhase } from "../../train/pretrained.ts";
import { classesOf } from "../../train/classes.ts";
import { totalEpochs, type TrainConfig } from "../../train/config.ts";
import { interruptible } from "../interruptible.ts";
import type { SaveOption } from "../options.ts";
import { clock, Progress } from "../progress.ts";
import { readPublished } from "../published.ts";
import { studyAsked, type StudyFlags } from "../study-request.ts";
import { showStudy } from "../study-progress.ts";
import { csvTable, heading, markdownTable, remarks, showTable } from "../study-table.ts";
import { sameFile } from "../targets.ts";
import { withTunedGpu, type TunedOption } from "../tuned.ts";

export type ReproduceOptions = StudyFlags &
  TunedOption &
  SaveOption & {
    seeds: number;
    checkpoint: "last" | "best";
    out?: string;
    published?: string;
    json?: string;
    dryRun?: boolean;
  };

/** Studies of other labels have folders of their own, since they share no runs. */
const folderName = ({ preset, data, target }: TrainConfig): string =>
  `study-${preset}-${path.basename(path.resolve(data))}${target === "class" ? "" : `-${target}`}`;

/** @returns the exit code: 0 all runs are finished, 130 or 129 interrupted */
export async function reproduce(options: ReproduceOptions): Promise<number> {
  const { checkpoint, json } = options;
  const idle = options.dryRun
    ? (["json", "published"] as const).find((name) => options[name] !== undefined)
    : undefined;
  if (idle) throw new ConfigError(`--${idle} has no effect with --dry-run`);
  const seeds = Array.from({ length: options.seeds }, (_, seed) => seed);
  const { tables, config, notes } = studyAsked(options);
  const out = options.out ?? path.join("runs", folderName(config));
  if (json !== undefined) await requireWritableFile(json);
  const published = options.published === undefined ? paperFigures() : await readPublished(options.published);
  const folder = await StudyFolder.open(new FolderStore(out), { config, tables, seeds, checkpoint }, sameFile);
  const groups = planRuns(tables, seeds, config.folds);
  for (const note of notes) console.log(note);
  if (options.dryRun) {
    requireClasses(tables, classesOf(await checkImages(folderImages, imagesConfig(config, tables))));
    for (const line of await showPlan(folder, groups)) console.log(line);
    return 0;
  }
  const isNew = !(await folder.store.exists(""));
  await folder.lock();
  let code: number;
  try {
    code = await trainAll(folder, groups, options);
  } finally {
    if (isNew) await folder.leave();
  }
  if (code === 0) await conclude(folder, await studyTables(folder, tables, seeds), published, options);
  return code;
}

/** Trains the unfinished runs. @returns the exit code: 0 all are finished, 130 or 129 interrupted */
async function trainAll(folder: StudyFolder, groups: readonly Group[], options: ReproduceOptions): Promise<number> {
  const todo = await unfinishedRuns(folder, groups);
  if (todo.size === 0) return 0;
  const interrupt = interruptible();
  const { signal } = interrupt;
  const progress = new Progress();
  try {
    const finished = await withTunedGpu(options, async (gpu) => {
      introduce(gpu, folder, groups, todo);
      await requireResources(gpu, folder.study.config);
      const { saveEvery } = options;
      const emit = showStudy(progress);
      return trainStudy({ gpu, folder, groups, source: folderImages, emit, signal, saveEvery }, todo);
    });
    progress.stop();
    if (finished) return 0;
    console.log("Stopped. Run the same command to resume.");
    return interrupt.code();
  } catch (error) {
    if (!signal.aborted || error !== signal.reason) throw error;
    // Stopped while preparing images: there is nothing to save.
    console.log("Stopped before training began. Run the same command to resume.");
    return interrupt.code();
  } finally {
    progress.stop();
    interrupt.dispose();
  }
}

function introduce(gpu: Gpu, { study, store }: StudyFolder, groups: readonly Group[], todo: ReadonlySet<RunKey>): void {
  const count = groups.reduce((sum, { runs }) => sum + runs.length, 0);
  const finished = count - todo.size;
  console.log(`Study in ${store.name}: ${plural(count, "run")}${finished > 0 ? `, ${finished} of them finished` : ""}`);
  console.log(`Preset ${settingsText(study.config)}; on ${gpu.name}`);
}

/** What a table's files end with: nothing for the side that it is about first of all. */
const suffixOf = ({ table, on }: StudyTable): string => (on === (tableOf(table).sides?.[0] ?? "val") ? "" : `-${on}`);

/** Saves the tables and prints them. */
async function conclude(
  folder: StudyFolder,
  results: readonly StudyTable[],
  published: Published,
  options: ReproduceOptions,
): Promise<void> {
  const { store } = folder;
  const { json } = options;
  const others = folder.study.results.filter(
    ({ table, on }) => !results.some((result) => result.table === table && result.on === on),
  );
  await folder.save({ results: [...others, ...results] });
  const { checkpoint, data, external } = folder.study;
  for (const result of results) {
    const title = heading(result, result.on === "external" ? external : data, checkpoint);
    console.log(`\n${title}\n\n${showTable(result, published).join("\n")}\n`);
    for (const line of remarks(result, published)) console.log(line);
    const name = `${tableFile(result.table)}${suffixOf(result)}`;
    await store.write(`${name}.md`, markdownTable(result, title, published));
    await store.write(`${name}.csv`, csvTable(result));
  }
  if (json !== undefined) await writeWhole(json, toJson(folder.study));
  console.log(`\nStudy folder: ${store.name}`);
  // Loaded at the end, so that nothing waits for the plotting libraries.
  const { writeStudyFigures } = await import("../study-report.ts");
  await writeStudyFigures(store, options);
  console.log(`npm run report -- ${store.name} adds the reports of the runs, and more activations`);
}

/** Describes the work without doing it. */
async function showPlan(folder: StudyFolder, groups: readonly Group[]): Promise<string[]> {
  const { study, store } = folder;
  const runs = groups.flatMap((group) => group.runs);
  const lines: string[] = [];
  let waiting = 0;
  for (const run of runs) {
    const done = await isFinished(folder, run);
    if (!done) waiting++;
    lines.push(`  ${runTitle(run).padEnd(40)} ${done ? "finished" : folder.noted(run).state}`);
  }
  const shared = sharedPhase(study.config);
  const rows = [...new Map(runs.map((run) => [run.row, run])).values()];
  const epochs = [...new Set(rows.map((run) => ownEpochs(study.config, run)))].sort((a, b) => a - b);
  const phases = study.runs.filter((run) => run.row === null && run.state !== "finished").length;
  const known = study.runs.filter((run) => run.row !== null && run.state === "finished").map((run) => run.seconds);
  const mean = known.reduce((a, b) => a + b, 0) / known.length;
  const time = known.length > 0 ? `, about ${clock(mean * waiting)} by the runs so far` : "";
  const sharing = shared
    ? `, after a ${shared.title.toLowerCase()} of ${study.config.epochs[shared.name]!} for each seed and fold`
    : "";
  return [
    `${store.name}: ${plural(runs.length, "run")} of ${epochs.join(" or ")} ${epochs.join() === "1" ? "epoch" : "epochs"}${sharing}:`,
    ...lines,
    `To do: ${shared ? `${plural(phases, shared.title.toLowerCase())} and ` : ""}${plural(waiting, "run")}${time}`,
  ];
}

/** Number of a run's own epochs, after the shared phase. */
function ownEpochs(shared: TrainConfig, run: RunKey): number {
  const config = runConfig(shared, run);
  const first = startsShared(shared, run) ? sharedPhase(config) : undefined;
  return totalEpochs(config) - (first ? config.epochs[first.name]! : 0);
}
