/** `mganet reproduce`: trains and evaluates the paper's tables on any images. */
import path from "node:path";
import { requireWritableFile } from "../../node/files.ts";
import { FolderStore } from "../../node/folder-store.ts";
import { folderImages } from "../../node/image-source.ts";
import { paperFigures } from "../../report/published.ts";
import { plural } from "../../report/show.ts";
import { checkImages } from "../../runs/load-data.ts";
import { oneLine } from "../../data/sample.ts";
import { ConfigError } from "../../models/config-error.ts";
import { failedRuns, forgetFailures, mendRuns, type Retried } from "../../runs/study-retry.ts";
import { failureOf, lookAt } from "../../runs/study-state.ts";
import { StudyFolder } from "../../runs/study-folder.ts";
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
import { sharedPhase } from "../../train/pretrained.ts";
import { classesOf } from "../../train/classes.ts";
import { totalEpochs, type TrainConfig } from "../../train/config.ts";
import type { SaveOption } from "../options.ts";
import { clock } from "../progress.ts";
import { readPublished } from "../published.ts";
import { studyAsked, type StudyFlags } from "../study-request.ts";
import { adaptersFor } from "../study-adapters.ts";
import { scriptsFor, slurmNames, submitStudy, type SlurmFlags } from "../study-slurm.ts";
import { conclude, trainRuns } from "../study-work.ts";
import { workWith } from "../study-workers.ts";
import { sameFile } from "../targets.ts";
import { visibleName } from "../terminal.ts";
import type { TunedOption } from "../tuned.ts";

export type ReproduceOptions = StudyFlags &
  TunedOption &
  SaveOption &
  SlurmFlags & {
    seeds: number;
    checkpoint: "last" | "best";
    out?: string;
    published?: string;
    json?: string;
    dryRun?: boolean;
    workers?: number;
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
  requireSlurmFlags(options);
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
    if (options.slurm) {
      for (const { file, text } of await scriptsFor(folder, options, workArgs(options)))
        console.log(`\n${folder.store.path(file)}:\n\n${text}`);
    }
    return 0;
  }
  const attempt = new Attempt(folder, groups);
  if (options.slurm) {
    await requireImages(folder);
    await submitStudy(folder, () => scriptsFor(folder, options, workArgs(options)), { flags: options, attempt });
    return 0;
  }
  const code =
    options.workers === undefined
      ? await trainRuns(folder, groups, { ...options, onBegin: () => attempt.begin() })
      : await inWorkers(folder, groups, options, attempt);
  if (code === 0) await conclude(folder, tables, seeds, { ...options, published });
  return code!; // It waits for others.
}

/** Whoever asks again wants another attempt at what has failed; nothing is forgotten before all is checked. */
class Attempt {
  readonly #folder: StudyFolder;
  readonly #groups: readonly Group[];
  #failed: Retried[] = [];

  constructor(folder: StudyFolder, groups: readonly Group[]) {
    this.#folder = folder;
    this.#groups = groups;
  }

  /** Takes damaged files away. */
  async mend(): Promise<void> {
    this.#failed = (await failedRuns(this.#folder)).filter(({ place: { row, seed, fold } }) =>
      this.#groups.some(
        (group) =>
          group.seed === seed && group.fold === fold && (row === null || group.runs.some((run) => run.row === row)),
      ),
    );
    for (const line of await mendRuns(this.#folder, this.#failed)) console.log(visibleName(line));
  }

  forget(): Promise<void> {
    return forgetFailures(this.#folder, this.#failed);
  }

  async begin(): Promise<void> {
    await this.mend();
    await this.forget();
  }
}

/** Trains in processes of their own. @returns the exit code */
async function inWorkers(
  folder: StudyFolder,
  groups: readonly Group[],
  options: ReproduceOptions,
  attempt: Attempt,
): Promise<number> {
  await requireImages(folder);
  const { adapters, software, notes } = await adaptersFor(options);
  for (const note of notes) console.log(note);
  await folder.save();
  await attempt.begin();
  // Loaded here, so that nothing else waits for the plotting libraries.
  const { writeLiveReport } = await import("../study-report.ts");
  // A page that cannot be written ends no training.
  const write = (again: boolean) =>
    writeLiveReport(folder.store, again).catch((error: unknown) =>
      console.error(`Without report.html: ${oneLine(error instanceof Error ? error.message : String(error))}`),
    );
  const onChange = () => write(true);
  const code = await workWith(folder, groups, {
    onChange,
    workers: options.workers!,
    adapters,
    software,
    args: workArgs(options),
  });
  if (code !== 0) await write(false);
  return code;
}

/** What all processes would refuse is refused once. */
async function requireImages({ study: { tables, config } }: StudyFolder): Promise<void> {
  requireClasses(tables, classesOf(await checkImages(folderImages, imagesConfig(config, tables))));
}

/** The options that are passed on to `study work`. */
const workArgs = ({ tuned, saveEvery }: ReproduceOptions): string[] => [
  ...(tuned === false ? ["--no-tuned"] : []),
  ...["--save-every", saveEvery === 0 ? "off" : `${saveEvery}s`],
];

/** @throws ConfigError for options that have no effect with what was asked for */
function requireSlurmFlags(options: ReproduceOptions): void {
  const idle = options.slurm
    ? (["workers", "json", "published", "adapter"] as const).find((name) => options[name] !== undefined)
    : slurmNames.find((name) => options[name] !== undefined);
  if (idle === undefined) return;
  throw new ConfigError(`has no effect ${options.slurm ? "with" : "without"} --slurm`, idle);
}

/** Describes the work without doing it. */
async function showPlan(folder: StudyFolder, groups: readonly Group[]): Promise<string[]> {
  const { study, store } = folder;
  const runs = groups.flatMap((group) => group.runs);
  const lines: string[] = [];
  let waiting = 0;
  for (const run of runs) {
    const { finished: done, damage } = await lookAt(folder, run);
    if (!done) waiting++;
    const failure = done ? undefined : ((await failureOf(folder.runStore(run)))?.message ?? damage);
    const state = done ? "finished" : failure !== undefined ? `failed: ${failure}` : folder.noted(run).state;
    lines.push(`  ${runTitle(run).padEnd(40)} ${state}`);
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
