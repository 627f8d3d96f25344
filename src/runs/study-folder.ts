/** The folder of a study: study.json, its tables, and a run folder for each row, seed and fold. */
import { ConfigError } from "../models/config-error.ts";
import { firstFault } from "../data/fault.ts";
import type { TrainConfig } from "../train/config.ts";
import { firstDifference, studySchema, type RunState, type Study, type StudyRun } from "../study/file.ts";
import { planRuns, runConfig, runName, startsShared, type Group, type Place } from "../study/plan.ts";
import { inOrder, PROPOSED, tableOf, type TableId } from "../study/rows.ts";
import {
  FolderGoneError,
  HeldError,
  InputError,
  isOwnFile,
  readJson,
  toJson,
  type SharedStore,
  type Store,
} from "./store.ts";

const STUDY = "study.json";
/** The folder that whoever writes the tables locks. */
export const TABLES_LOCK = ".mganet-tables";

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
  readonly store: SharedStore;
  readonly #study: Study;
  readonly #sameFile: (a: string, b: string) => boolean;
  /** The checkpoint that study.json named when it was last looked at; undefined if it was not there. */
  #there: Study["checkpoint"] | undefined;

  private constructor(
    store: SharedStore,
    study: Study,
    sameFile: (a: string, b: string) => boolean,
    there: Study["checkpoint"] | undefined,
  ) {
    this.#there = there;
    this.store = store;
    this.#study = study;
    this.#sameFile = sameFile;
  }

  /**
   * Opens the study of a folder, or a new one; nothing is written before `save`.
   * @param sameFile whether two names refer to the same file or folder
   * @throws InputError if the folder holds something else; ConfigError, naming the setting, if its study has other settings
   */
  static async open(
    store: SharedStore,
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
    const study: Study = {
      format: "mganet-study-1",
      config: own ?? config,
      data: before?.data ?? "",
      external: before?.external ?? "",
      // Without sides, no run counts as evaluated.
      sides: added ? [] : (before?.sides ?? []),
      adapter: before?.adapter ?? "",
      checkpoint,
      tables: inOrder([...(before?.tables ?? []), ...tables]),
      seeds: union(before?.seeds ?? [], seeds),
      runs: runsOf(before?.runs ?? [], request),
      // Results of the other checkpoint no longer belong to this study.
      results: before?.checkpoint === checkpoint ? before.results : [],
    };
    return new StudyFolder(store, study, sameFile, before?.checkpoint);
  }

  /** The content of study.json. */
  get study(): Readonly<Study> {
    return this.#study;
  }

  /** Whether the folder still holds the study. */
  isThere(): Promise<boolean> {
    return isStudy(this.store);
  }

  /** @throws FolderGoneError if it does not */
  async requireThere(): Promise<void> {
    if (!(await this.isThere())) throw this.#gone();
  }

  #gone(): FolderGoneError {
    return new FolderGoneError(
      `${this.store.name}: the study is gone: moved, deleted or replaced; nothing more is written there`,
    );
  }

  /** Removes the folder of a run that nothing was written to, and the one that it is in. */
  async removeIfEmpty(place: Place): Promise<void> {
    await this.runStore(place).removeIfEmpty();
    await this.store.folder(this.noted(place).dir.split("/")[0]!).removeIfEmpty();
  }

  /** The folder of a run. */
  runStore(place: Place): SharedStore {
    return runStoreOf(this.store, this.noted(place));
  }

  /** The settings of a run. */
  configOf({ row, seed, fold }: Place): TrainConfig {
    return runConfig(this.#study.config, { row: row ?? PROPOSED, seed, fold });
  }

  /**
   * The study that a folder holds.
   * @throws InputError if it holds none
   */
  static async existing(store: SharedStore): Promise<StudyFolder> {
    if (!(await isStudy(store))) throw new InputError(`${store.name}: there is no study (no ${STUDY})`);
    const study = await readStudy(store);
    return new StudyFolder(store, study, (a, b) => a === b, study.checkpoint);
  }

  /**
   * Saves changes to the study, on top of what other processes have saved meanwhile.
   * @throws FolderGoneError if it was there and is gone; ConfigError if a study of other settings was begun there meanwhile
   */
  async save(changes: Partial<Omit<Study, "format" | "runs">> = {}): Promise<void> {
    await this.#update((study) => Object.assign(study, changes));
    await this.store.removeDeadLeftovers();
  }

  /** Records the state of a run. */
  async note(place: Place, state: RunState, seconds: number): Promise<void> {
    await this.#update(({ runs }) =>
      Object.assign(
        runs.find((run) => isAt(run, place))!,
        { state, seconds },
      ),
    );
  }

  /** Takes in what other processes have saved. @throws InputError if study.json is gone */
  async refresh(): Promise<void> {
    const now = await readStudy(this.store);
    this.#requireSameCheckpoint(now);
    this.#merge(now);
  }

  async #update(change: (study: Study) => void): Promise<void> {
    await locked(this.store, async () => {
      const there = await isStudy(this.store);
      if (!there && this.#there !== undefined) throw this.#gone();
      if (there) {
        const now = await readStudy(this.store);
        this.#requireSameCheckpoint(now);
        if (now.checkpoint !== this.#study.checkpoint) await this.#requireIdle(now);
        this.#merge(now);
      }
      change(this.#study);
      await this.store.write(STUDY, toJson(this.#study));
      this.#there = this.#study.checkpoint;
    });
  }

  /** @throws InputError if another command has the study evaluate another checkpoint since this one looked */
  #requireSameCheckpoint({ checkpoint }: Study): void {
    if (checkpoint === (this.#there ?? this.#study.checkpoint)) return;
    throw new InputError(
      `${this.store.name}: another command has begun with --checkpoint ${checkpoint} meanwhile; this one, with ${this.#study.checkpoint}, ends`,
    );
  }

  /** Runs are evaluated by their last or their best checkpoint, by all processes alike. @throws InputError */
  async #requireIdle({ runs, checkpoint }: Study): Promise<void> {
    for (const store of [this.store.folder(TABLES_LOCK), ...runs.map((run) => runStoreOf(this.store, run))]) {
      const holder = await store.holder();
      if (!holder || holder.life === "dead") continue;
      throw new InputError(
        `${this.store.name}: process ${holder.pid} on ${holder.host} works on it with --checkpoint ${checkpoint}, not ${this.#study.checkpoint}; wait for it, or choose another --out`,
      );
    }
  }

  /** Takes in what other processes have saved: states of runs, further tables and seeds. */
  #merge(other: Study): void {
    const own = this.#study;
    if (this.#there === undefined)
      requireSame(other.config, { ...own.config, resize: other.config.resize }, this.store.name, this.#sameFile);
    // Another process may have read the images, or been given an external set. What this one adds is not there yet.
    const adds = own.config.external !== "" && other.config.external === "";
    const { config, data, external, sides, adapter } = other;
    if (!adds) Object.assign(own, { config, data, external, sides, adapter });
    own.tables = inOrder([...other.tables, ...own.tables]);
    own.seeds = union(other.seeds, own.seeds);
    own.runs = [...other.runs, ...own.runs.filter((run) => !other.runs.some((known) => isAt(known, placeOf(run))))];
    if (other.checkpoint === own.checkpoint) own.results = other.results;
  }

  /** The runs of some tables and seeds that the study has: one table may have been asked for with fewer seeds than another. */
  groups(tables: readonly TableId[] = this.#study.tables, seeds: readonly number[] = this.#study.seeds): Group[] {
    const { runs, config } = this.#study;
    return planRuns(tables, seeds, config.folds)
      .map((group) => ({ ...group, runs: group.runs.filter((run) => runs.some((known) => isAt(known, run))) }))
      .filter((group) => group.runs.length > 0);
  }

  /** The seeds of which the study has every row of a table. */
  seedsOf(table: TableId): number[] {
    const rows = new Set(tableOf(table).rows).size;
    return this.#study.seeds.filter((seed) => {
      const groups = this.groups([table], [seed]);
      return groups.length > 0 && groups.every(({ runs }) => runs.length === rows);
    });
  }

  /** The last recorded state of a run. */
  noted(place: Place): Readonly<StudyRun> {
    const found = this.#study.runs.find((run) => isAt(run, place));
    if (!found) throw new RangeError("this run is not part of the study");
    return found;
  }
}

/** The folder of a run that study.json names. */
export const runStoreOf = <S extends Store>(study: S, { dir }: Pick<StudyRun, "dir">): S =>
  dir.split("/").reduce((store, name) => store.folder(name) as S, study);

const placeOf = ({ row, seed, fold }: StudyRun): Place => ({ row, seed, fold: fold ?? undefined });

const union = (a: readonly number[], b: readonly number[]): number[] =>
  [...new Set([...a, ...b])].sort((x, y) => x - y);

/** Milliseconds between attempts to lock a folder that other processes lock for moments. */
const RETRY_MS = { least: 20, most: 400 };

/** Works in a folder while no other process does. */
async function locked(store: Store, work: () => Promise<void>): Promise<void> {
  for (let wait = RETRY_MS.least; ; wait = Math.min(2 * wait, RETRY_MS.most)) {
    try {
      await store.lock();
      break;
    } catch (error) {
      if (!(error instanceof HeldError)) throw error;
    }
    // Not all at the same time.
    await new Promise((resolve) => setTimeout(resolve, wait * (0.5 + Math.random())));
  }
  try {
    await work();
  } finally {
    await store.unlock();
  }
}

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
