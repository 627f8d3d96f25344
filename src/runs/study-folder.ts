/** The folder of a study: study.json, its tables, and a run folder for each row, seed and fold. */
import { ConfigError } from "../models/config-error.ts";
import { firstFault } from "../data/fault.ts";
import type { TrainConfig } from "../train/config.ts";
import { firstDifference, studySchema, type RunState, type Study, type StudyRun } from "../study/file.ts";
import { planRuns, runConfig, runName, startsShared, type Place } from "../study/plan.ts";
import { inOrder, PROPOSED, type TableId } from "../study/rows.ts";
import { InputError, isOwnFile, readJson, toJson, type Store } from "./store.ts";

const STUDY = "study.json";

/** The study that a command requests. */
export interface StudyRequest {
  /** The settings that all runs share. */
  config: TrainConfig;
  tables: readonly TableId[];
  seeds: readonly number[];
  checkpoint: Study["checkpoint"];
}

/** Reads the study of a folder. @throws InputError if there is none */
export async function readStudy(store: Store): Promise<Study> {
  return parse(await readJson(store, STUDY), store.path(STUDY));
}

export const isStudy = (store: Store): Promise<boolean> => store.exists(STUDY);

export class StudyFolder {
  readonly store: Store;
  readonly #study: Study;

  private constructor(store: Store, study: Study) {
    this.store = store;
    this.#study = study;
  }

  /**
   * Opens the study of a folder, or a new one; nothing is written before `save`.
   * @param sameFile whether two names refer to the same file or folder
   * @throws InputError if the folder holds something else; ConfigError, naming the setting, if its study has other settings
   */
  static async open(
    store: Store,
    request: StudyRequest,
    sameFile: (a: string, b: string) => boolean,
  ): Promise<StudyFolder> {
    await store.requireWritable();
    const before = (await isStudy(store)) ? await readStudy(store) : undefined;
    if (!before && (await store.list()).some((name) => !isOwnFile(name))) {
      throw new InputError(`${store.name}: the folder is not empty and holds no study; choose another --out`);
    }
    const { config, tables, seeds, checkpoint } = request;
    // No run is trained on the external set: a study that has none yet may get one.
    const added = before?.config.external === "" && config.external !== "";
    const own = before && (added ? { ...before.config, external: config.external } : before.config);
    // How images are resized is no choice of the user: a study of an earlier version goes on as it began.
    if (own) requireSame(own, { ...config, resize: own.resize }, store.name, sameFile);
    return new StudyFolder(store, {
      format: "mganet-study-1",
      config: own ?? config,
      data: before?.data ?? "",
      external: before?.external ?? "",
      // Without sides, no run counts as evaluated.
      sides: added ? [] : (before?.sides ?? []),
      adapter: before?.adapter ?? "",
      checkpoint,
      tables: inOrder([...(before?.tables ?? []), ...tables]),
      seeds: [...new Set([...(before?.seeds ?? []), ...seeds])].sort((a, b) => a - b),
      runs: runsOf(before?.runs ?? [], request),
      // Results of the other checkpoint no longer belong to this study.
      results: before?.checkpoint === checkpoint ? before.results : [],
    });
  }

  /** Call before anything is written. @throws InputError if another process is working on the study */
  async lock(): Promise<void> {
    await this.store.lock();
    await this.store.removeLeftovers();
  }

  /**
   * Unlocks, and removes the folder if nothing was written into it: a study that was refused leaves nothing behind. A folder that another
   * one has taken the place of is left alone.
   */
  async leave(): Promise<void> {
    const own = await this.store.requireOwn().then(
      () => true,
      () => false,
    );
    if (!own || (await isStudy(this.store))) return;
    await this.store.unlock();
    await this.store.removeIfEmpty();
  }

  /** The content of study.json. */
  get study(): Readonly<Study> {
    return this.#study;
  }

  /** The folder of a run. */
  runStore(place: Place): Store {
    return runStoreOf(this.store, this.noted(place));
  }

  /** The settings of a run. */
  configOf({ row, seed, fold }: Place): TrainConfig {
    return runConfig(this.#study.config, { row: row ?? PROPOSED, seed, fold });
  }

  /** Saves changes to the study. */
  async save(changes: Partial<Omit<Study, "format" | "runs">> = {}): Promise<void> {
    Object.assign(this.#study, changes);
    await this.store.write(STUDY, toJson(this.#study));
  }

  /** Records the state of a run. */
  async note(place: Place, state: RunState, seconds: number): Promise<void> {
    Object.assign(this.#run(place), { state, seconds });
    await this.save();
  }

  /** The last recorded state of a run. */
  noted(place: Place): Readonly<StudyRun> {
    return this.#run(place);
  }

  #run(place: Place): StudyRun {
    const found = this.#study.runs.find((run) => isAt(run, place));
    if (!found) throw new RangeError("this run is not part of the study");
    return found;
  }
}

/** The folder of a run that study.json names. */
export const runStoreOf = (study: Store, { dir }: Pick<StudyRun, "dir">): Store =>
  dir.split("/").reduce((store, name) => store.folder(name), study);

const isAt = (run: StudyRun, { row, seed, fold }: Place): boolean =>
  run.row === row && run.seed === seed && run.fold === (fold ?? null);

/** The existing runs, and those requested now. */
function runsOf(before: readonly StudyRun[], { config, tables, seeds }: StudyRequest): StudyRun[] {
  const runs = before.map((run) => ({ ...run }));
  const add = (place: Place, folder: string) => {
    if (runs.some((run) => isAt(run, place))) return;
    const { row, seed, fold = null } = place;
    runs.push({ row, seed, fold, dir: `${folder}/${runName(place)}`, state: "waiting", seconds: 0 });
  };
  for (const group of planRuns(tables, seeds, config.folds)) {
    if (group.runs.some((run) => startsShared(config, run))) add({ ...group, row: null }, "pretrained");
    for (const run of group.runs) add(run, run.row);
  }
  return runs;
}

function requireSame(
  before: TrainConfig,
  now: TrainConfig,
  dir: string,
  sameFile: (a: string, b: string) => boolean,
): void {
  const difference = firstDifference(before, now, sameFile);
  if (!difference) return;
  const show = (value: unknown) =>
    typeof value === "string" ? value || "none" : ((JSON.stringify(value) as string | undefined) ?? "none");
  const { setting, before: old, now: given } = difference;
  const reason = `the study in ${dir} was started with ${show(old)}, not ${show(given)}; choose another --out`;
  throw new ConfigError(reason, setting);
}

function parse(value: unknown, file: string): Study {
  const result = studySchema.safeParse(value, { reportInput: true });
  if (result.success) return result.data;
  const { path, fault } = firstFault(result.error);
  throw new InputError(`${file}: is not a study file: ${path || "it"}: ${fault}`);
}
