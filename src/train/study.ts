/** A study: the rows of the paper's ablation tables, each trained with several seeds. What its runs are, and in what order. */
import { checkConfig, type TrainConfig } from "./config.ts";

/** A row of a table: what it is called, and what its network has. */
export interface Row {
  label: string;
  settings: Pick<TrainConfig, "fusion" | "at">;
}

const scales = [0, 1, 2, 3, 4];
const without = (scale: number): Row => ({
  label: `-L${scale}`,
  settings: { fusion: "parallel", at: scales.filter((s) => s !== scale) },
});

export const rowNames = [
  "base",
  "channel",
  "spatial",
  "serial",
  "every-block",
  "without-l0",
  "without-l1",
  "without-l2",
  "without-l3",
  "without-l4",
  "proposed",
] as const;
export type RowName = (typeof rowNames)[number];

/** By the name of their folder. */
export const rows: Readonly<Record<RowName, Row>> = {
  /** The same network without modules; its segmentation branch is trained all the same, and helps nobody. */
  base: { label: "Base", settings: { fusion: "none", at: scales } },
  channel: { label: "Channel-only", settings: { fusion: "channel", at: scales } },
  spatial: { label: "Spatial-only", settings: { fusion: "spatial", at: scales } },
  serial: { label: "Serial fusion", settings: { fusion: "serial", at: scales } },
  "every-block": { label: "EB", settings: { fusion: "parallel", at: "every-block" } },
  "without-l0": without(0),
  "without-l1": without(1),
  "without-l2": without(2),
  "without-l3": without(3),
  "without-l4": without(4),
  proposed: { label: "Proposed", settings: { fusion: "parallel", at: scales } },
};

export const tableNumbers = [3, 4] as const;
export type TableNumber = (typeof tableNumbers)[number];

/** The paper's ablations. */
export const tables: Readonly<Record<TableNumber, { title: string; rows: readonly RowName[] }>> = {
  3: { title: "how the mask is used", rows: ["base", "channel", "spatial", "serial", "proposed"] },
  4: {
    title: "where the modules are",
    rows: [
      ...(["base", "every-block"] as const),
      ...(["without-l0", "without-l1", "without-l2", "without-l3", "without-l4"] as const),
      "proposed",
    ],
  },
};

/** What tells one run of a study from the others. */
export interface RunKey {
  row: RowName;
  seed: number;
  /** The fold that is held out; undefined in a study without folds. */
  fold?: number | undefined;
}

/** "seed-1", or "seed-1-fold-3": the name of its folder below that of its row. */
export const runName = ({ seed, fold }: Pick<RunKey, "seed" | "fold">): string =>
  `seed-${seed}${fold === undefined ? "" : `-fold-${fold}`}`;

/** "Base, seed 1, fold 3". */
export const runTitle = ({ row, seed, fold }: RunKey): string =>
  `${rows[row].label}, seed ${seed}${fold === undefined ? "" : `, fold ${fold}`}`;

/** The settings of one run, from those that all share. */
export const runConfig = (shared: TrainConfig, { row, seed, fold }: RunKey): TrainConfig =>
  checkConfig({ ...shared, ...rows[row].settings, seed, ...(fold === undefined ? {} : { fold }) });

/** Runs that begin from the same segmentation stage, that is those of one seed and fold. */
export interface Group {
  seed: number;
  fold: number | undefined;
  runs: RunKey[];
}

/** The folds of a study that are held out in turn; one that is none without cross-validation. */
export const foldsOf = (folds: number): (number | undefined)[] =>
  folds === 0 ? [undefined] : Array.from({ length: folds }, (_, fold) => fold);

/**
 * All runs of some tables, in the order in which they are trained: seed by seed, so that a study that is stopped early has
 * whole seeds; within a seed fold by fold, and the rows in the order of the tables, those of both tables once.
 */
export function planRuns(numbers: readonly TableNumber[], seeds: readonly number[], folds: number): Group[] {
  const names = [...new Set(numbers.flatMap((n) => tables[n].rows))];
  return seeds.flatMap((seed) =>
    foldsOf(folds).map((fold): Group => ({ seed, fold, runs: names.map((row) => ({ row, seed, fold })) })),
  );
}
