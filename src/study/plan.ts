/** Plans the runs of a study and the order in which they are trained. */
import type { Classes } from "../data/classes.ts";
import { ConfigError } from "../models/config-error.ts";
import {
  checkConfig,
  commonSettings,
  outlinesOf,
  presetFor,
  specOf,
  totalEpochs,
  type TrainConfig,
} from "../train/config.ts";
import { pretraining, sharedPhase, trainingKey } from "../train/pretrained.ts";
import { PROPOSED, rowOf, tableName, tableOf, type RowName, type TableId } from "./rows.ts";

/** What identifies a run within a study. */
export interface RunKey {
  row: RowName;
  seed: number;
  /** The held-out fold; undefined in a study without folds. */
  fold?: number | undefined;
}

/** A run of a study; without a row, the phase that the rows of a seed and fold start from. */
export type Place = Omit<RunKey, "row"> & { row: RowName | null };

/** "seed-1", or "seed-1-fold-3": its folder's name within its row's. */
export const runName = ({ seed, fold }: Pick<RunKey, "seed" | "fold">): string =>
  `seed-${seed}${fold === undefined ? "" : `-fold-${fold}`}`;

/** "Base, seed 1, fold 3". */
export const runTitle = ({ row, seed, fold }: RunKey): string =>
  `${rowOf(row).label}, seed ${seed}${fold === undefined ? "" : `, fold ${fold}`}`;

/** The settings of one run, from those that all share. */
export function runConfig(shared: TrainConfig, { row, seed, fold }: RunKey): TrainConfig {
  const { model, settings } = rowOf(row);
  const base = model === shared.model ? shared : asModel(shared, model);
  return checkConfig({ ...base, ...settings, seed, ...(fold === undefined ? {} : { fold }) });
}

/**
 * The settings for another model: its own preset's, with whatever the study changed in its preset. A changed number of epochs changes
 * the other model's total by the same factor, spread over its phases.
 */
function asModel(shared: TrainConfig, model: string): TrainConfig {
  const { preset, data } = shared;
  const [before, own] = [presetFor(preset, data, shared.model), presetFor(preset, data, model)];
  const spec = specOf(own);
  const changed = Object.entries(shared).filter(
    ([name, value]) =>
      (name in commonSettings || name in spec.options) &&
      JSON.stringify(value) !== JSON.stringify(before[name as keyof TrainConfig]),
  );
  const factor = totalEpochs(shared) / totalEpochs(before);
  const total = Math.round(factor * totalEpochs(own));
  const epochs =
    factor === 1
      ? own.epochs
      : Object.fromEntries(spec.phases.map(({ name, share }) => [name, Math.max(1, Math.round(share * total))]));
  return { ...own, ...Object.fromEntries(changed), model, epochs };
}

/**
 * Whether a run starts from the phase that the rows of its seed and fold share: that of the network itself. A row whose first phase is
 * another one trains it on its own.
 */
export function startsShared(shared: TrainConfig, run: RunKey): boolean {
  const own = runConfig(shared, run);
  const proposed = runConfig(shared, { ...run, row: PROPOSED });
  if (!sharedPhase(own) || !sharedPhase(proposed)) return false;
  return trainingKey(pretraining(own)) === trainingKey(pretraining(proposed));
}

/** Runs that start from the same phase: those of one seed and fold. */
export interface Group {
  seed: number;
  fold: number | undefined;
  runs: RunKey[];
}

/** The folds that a study holds out in turn; a single undefined one without cross-validation. */
export const foldsOf = (folds: number): (number | undefined)[] =>
  folds === 0 ? [undefined] : Array.from({ length: folds }, (_, fold) => fold);

/**
 * All runs of some tables, in training order: seed by seed, so that a study stopped early has complete seeds; within a seed fold
 * by fold, with the rows in the order of the tables, each once.
 */
export function planRuns(ids: readonly TableId[], seeds: readonly number[], folds: number): Group[] {
  const names = [...new Set(ids.flatMap((id) => tableOf(id).rows))];
  return seeds.flatMap((seed) =>
    foldsOf(folds).map((fold): Group => ({ seed, fold, runs: names.map((row) => ({ row, seed, fold })) })),
  );
}

/** @throws ConfigError for shared settings that leave nothing to compare */
export function requireComparable(shared: TrainConfig): void {
  if (shared.init) throw new ConfigError("the rows of a study are trained from the beginning", "init");
  const spec = specOf(shared);
  const last = spec.phases.at(-1)!;
  if (shared.epochs[last.name] === 0) {
    throw new ConfigError("0 leaves nothing to compare: the rows differ in this phase", `epochs.${last.name}`);
  }
}

/**
 * The settings by which a study's images are read. Its rows are trained on the same images: if one of them learns true outlines, on those
 * that have one.
 */
export function imagesConfig(shared: TrainConfig, ids: readonly TableId[]): TrainConfig {
  const [group] = planRuns(ids, [shared.seed], 0);
  const configs = group!.runs.map((run) =>
    runConfig(shared, { ...run, fold: shared.folds > 0 ? shared.fold : undefined }),
  );
  const strictest = configs.find((config) => outlinesOf(config).target === "outline");
  return strictest ?? shared;
}

/** @throws ConfigError for a table that two classes say nothing about */
export function requireClasses(ids: readonly TableId[], { names }: Classes): void {
  const table = ids.find((id) => tableOf(id).manyClasses);
  if (table === undefined || names.length > 2) return;
  throw new ConfigError(
    `the ${tableName(table).toLowerCase()} needs more than two, and these images have ${names.join(" and ")}: --target tirads or kind, or --classes A,B,C`,
    "classes",
  );
}
