/** The folder that a study leaves behind: study.json, its tables, and a run folder for each row, seed and fold. */
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { ConfigError, type TrainConfig } from "../train/config.ts";
import { firstDifference, studySchema, type RunState, type Study, type StudyRun } from "../train/study-file.ts";
import { planRuns, runName, type RunKey, type TableNumber } from "../train/study.ts";
import { lockFolder } from "./folder-lock.ts";
import { InputError, readInput, removeLeftovers, requireWritableFolder, writeWhole } from "./files.ts";

const STUDY = "study.json";

/** What a command asks of a study. */
export interface StudyRequest {
  /** The settings that all runs share. */
  config: TrainConfig;
  tables: readonly TableNumber[];
  seeds: readonly number[];
  checkpoint: Study["checkpoint"];
}

/** A run of a study; without a row, the segmentation stage of a seed and fold. */
export type Place = Omit<RunKey, "row"> & { row: RunKey["row"] | null };

/** What the study of a folder says. @throws InputError if there is none */
export async function readStudy(dir: string): Promise<Study> {
  const file = path.join(dir, STUDY);
  return parse(await readInput(file), file);
}

export class StudyFolder {
  readonly dir: string;
  readonly #study: Study;

  private constructor(dir: string, study: Study) {
    this.dir = dir;
    this.#study = study;
  }

  /**
   * The study of a folder, or a new one; nothing is written before `save`.
   * @throws InputError if the folder holds something else; ConfigError, naming the setting, if its study has other settings
   */
  static async open(dir: string, request: StudyRequest): Promise<StudyFolder> {
    await requireWritableFolder(dir);
    const file = path.join(dir, STUDY);
    const before = existsSync(file) ? parse(await readInput(file), file) : undefined;
    if (!before && existsSync(dir) && (await readdir(dir)).some((name) => !/^\.mganet-/.test(name))) {
      throw new InputError(`${dir}: the folder is not empty and holds no study; choose another --out`);
    }
    const { config, tables, seeds, checkpoint } = request;
    if (before) requireSame(before.config, config, dir);
    return new StudyFolder(dir, {
      format: "mganet-study-1",
      config: before?.config ?? config,
      data: before?.data ?? "",
      external: before?.external ?? "",
      sides: before?.sides ?? [],
      adapter: before?.adapter ?? "",
      checkpoint,
      tables: [...new Set([...(before?.tables ?? []), ...tables])].sort(),
      seeds: [...new Set([...(before?.seeds ?? []), ...seeds])].sort((a, b) => a - b),
      runs: runsOf(before?.runs ?? [], request),
      // Figures of another checkpoint do not belong to this study any more.
      results: before?.checkpoint === checkpoint ? before.results : [],
    });
  }

  /** Before anything is written. @throws InputError if another process is at work on the study */
  async lock(): Promise<void> {
    await lockFolder(this.dir);
    await removeLeftovers(this.dir);
  }

  /** What study.json says. */
  get study(): Readonly<Study> {
    return this.#study;
  }

  file(name: string): string {
    return path.join(this.dir, name);
  }

  /** The folder of a run. */
  runDir(place: Place): string {
    return this.file(this.#run(place).dir);
  }

  /** Notes what has become of the study. */
  async save(changes: Partial<Omit<Study, "format" | "config" | "runs">> = {}): Promise<void> {
    Object.assign(this.#study, changes);
    await writeWhole(this.file(STUDY), `${JSON.stringify(this.#study, null, 2)}\n`);
  }

  /** Notes how far a run is. */
  async note(place: Place, state: RunState, seconds: number): Promise<void> {
    Object.assign(this.#run(place), { state, seconds });
    await this.save();
  }

  /** How far a run was when it was last noted. */
  noted(place: Place): Readonly<StudyRun> {
    return this.#run(place);
  }

  #run(place: Place): StudyRun {
    const found = this.#study.runs.find((run) => isAt(run, place));
    if (!found) throw new RangeError("this run is no part of the study");
    return found;
  }
}

const isAt = (run: StudyRun, { row, seed, fold }: Place): boolean =>
  run.row === row && run.seed === seed && run.fold === (fold ?? null);

/** The runs that were there, and those that are asked for now. */
function runsOf(before: readonly StudyRun[], { config, tables, seeds }: StudyRequest): StudyRun[] {
  const runs = before.map((run) => ({ ...run }));
  const add = (place: Place, folder: string) => {
    if (runs.some((run) => isAt(run, place))) return;
    const { row, seed, fold = null } = place;
    runs.push({ row, seed, fold, dir: `${folder}/${runName(place)}`, state: "waiting", seconds: 0 });
  };
  for (const group of planRuns(tables, seeds, config.folds)) {
    if (config.epochs.segmentation > 0) add({ ...group, row: null }, "pretrained");
    for (const run of group.runs) add(run, run.row);
  }
  return runs;
}

function requireSame(before: TrainConfig, now: TrainConfig, dir: string): void {
  const difference = firstDifference(before, now, (a, b) => path.resolve(a) === path.resolve(b));
  if (!difference) return;
  const show = (value: unknown) => (typeof value === "string" ? value || "none" : (JSON.stringify(value) ?? "none"));
  const { setting, before: old, now: given } = difference;
  const reason = `the study in ${dir} was begun with ${show(old)}, not ${show(given)}; choose another --out`;
  throw new ConfigError(reason, setting);
}

function parse(bytes: Buffer, file: string): Study {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString("utf8"));
  } catch {
    throw new InputError(`${file}: is not JSON`);
  }
  const result = studySchema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new InputError(`${file}: is not the file of a study: ${issue!.path.join(".") || "format"}: ${issue!.message}`);
}
