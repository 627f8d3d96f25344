/** The work on a study: training its runs, beside other processes, and its tables at the end. */
import { commandLine } from "../node/command-line.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { writeTogether, writeWhole } from "../node/files.ts";
import { clockNote } from "../node/folder-clock.ts";
import { folderImages } from "../node/image-source.ts";
import { thisProcess } from "../node/process-identity.ts";
import { requireResources } from "../node/resources.ts";
import { paperFigures, type Published } from "../report/published.ts";
import { plural, settingsText } from "../report/show.ts";
import { toJson } from "../runs/store.ts";
import type { StudyFolder } from "../runs/study-folder.ts";
import { noteEnded, unfinishedRuns } from "../runs/study-state.ts";
import { studyNotes } from "../runs/study-notes.ts";
import { studyTables } from "../runs/study-tables.ts";
import { trainStudy } from "../runs/study.ts";
import type { Group, Place, RunKey } from "../study/plan.ts";
import type { StudyTable } from "../study/results.ts";
import { tableFile, tableOf, type TableId } from "../study/rows.ts";
import { interruptible } from "./interruptible.ts";
import type { SaveOption } from "./options.ts";
import { Progress } from "./progress.ts";
import { showStudy } from "./study-progress.ts";
import { csvTable, heading, markdownTable, remarks, showTable } from "./study-table.ts";
import { withTunedGpu, type TunedOption } from "./tuned.ts";

/** Interrupted, with work left: what sysexits.h calls a temporary failure. Job scripts have themselves queued again. */
export const LEFT = 75;

export interface WorkOptions extends TunedOption, SaveOption {
  /** What to run to go on; default "the same command". */
  again?: string;
  /** What to run to have failed runs tried again; default `again`. */
  retry?: string;
  /** Train only these runs; default all. */
  only?: (place: Place) => boolean;
  /** Whether to wait for the runs of other processes; default true. */
  waits?: boolean;
  /** Where to begin in the list of runs. */
  from?: number;
  /** Called when all has been checked, before the first run. */
  onBegin?: () => Promise<void>;
}

/**
 * Trains the unfinished runs that no other process trains.
 * @returns the exit code: 0 all that was asked for is finished, 1 some have failed, 130 or 129 interrupted; undefined: others are at work
 */
export async function trainRuns(
  folder: StudyFolder,
  groups: readonly Group[],
  options: WorkOptions,
): Promise<number | undefined> {
  const todo = await unfinishedRuns(folder, groups);
  const { again = "the same command", retry = again, only, waits, from, onBegin } = options;
  if (todo.size === 0) return 0;
  const interrupt = interruptible();
  const { signal } = interrupt;
  const progress = new Progress();
  try {
    const end = await withTunedGpu(options, async (gpu) => {
      introduce(gpu, folder, groups, todo);
      const note = await clockNote(folder.store.name);
      if (note !== undefined) console.log(note);
      await requireResources(gpu, folder.study.config);
      const { saveEvery } = options;
      const emit = showStudy(progress);
      const task = { gpu, folder, groups, source: folderImages, emit, signal, saveEvery };
      return trainStudy({
        ...{ ...task, process: thisProcess() },
        ...(only ? { only } : {}),
        ...(waits === undefined ? {} : { waits }),
        ...(from === undefined ? {} : { from }),
        ...(onBegin ? { onBegin } : {}),
      });
    });
    progress.stop();
    if (end.how === "finished") {
      if (end.failed.length === 0) return 0;
      console.error(`${plural(end.failed.length, "run")} failed. Run ${retry} to try again.`);
      return 1;
    }
    if (end.how === "left") {
      console.log("Other processes train the rest.");
      return undefined;
    }
    console.log(`Stopped. Run ${again} to resume.`);
    return interrupt.code();
  } catch (error) {
    if (!signal.aborted || error !== signal.reason) throw error;
    // Stopped while preparing images: there is nothing to save.
    console.log(`Stopped before training began. Run ${again} to resume.`);
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

export interface ConcludeOptions extends TunedOption {
  /** Default: the paper's. */
  published?: Published;
  /** Where the study goes, too. */
  json?: string | undefined;
}

/** Saves the tables of a study whose runs are finished, prints them, and draws its figures. */
export async function conclude(
  folder: StudyFolder,
  tables: readonly TableId[],
  seeds: readonly number[],
  options: ConcludeOptions,
): Promise<void> {
  const { store } = folder;
  const { json, published = paperFigures() } = options;
  await noteEnded(folder);
  const results = await studyTables(folder, tables, seeds);
  const notes = await studyNotes(folder, tables, seeds);
  const others = folder.study.results.filter(
    ({ table, on }) => !results.some((result) => result.table === table && result.on === on),
  );
  await folder.save({ results: [...others, ...results] });
  const { checkpoint, data, external } = folder.study;
  const files = new Map<string, string>();
  for (const result of results) {
    const title = heading(result, result.on === "external" ? external : data, checkpoint);
    console.log(`\n${title}\n\n${showTable(result, published).join("\n")}\n`);
    for (const line of [...remarks(result, published), ...notes]) console.log(line);
    const name = `${tableFile(result.table)}${suffixOf(result)}`;
    files.set(store.path(`${name}.md`), markdownTable(result, title, published, notes));
    files.set(store.path(`${name}.csv`), csvTable(result));
  }
  await writeTogether(files);
  if (json !== undefined) await writeWhole(json, toJson(folder.study));
  console.log(`\nStudy folder: ${store.name}`);
  // Loaded at the end, so that nothing waits for the plotting libraries.
  const { writeStudyFigures } = await import("./study-report.ts");
  await writeStudyFigures(store, options);
  console.log(`${commandLine("report", store.name)} adds the reports of the runs, and more activations`);
}
