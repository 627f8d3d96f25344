/** The schema of study.json: a study's settings, progress and results. docs/study.md describes it. */
import * as z from "zod";
import { classKey } from "../data/classes.ts";
import { isPhantom } from "../data/phantom/scanner.ts";
import { ConfigError } from "../models/config-error.ts";
import { checkConfig, type TrainConfig } from "../train/config.ts";
import { sideNames } from "./figures.ts";
import { studyTableSchema } from "./results.ts";
import { rowNames, tableIds } from "./rows.ts";

const count = z.number().int().min(0);

/** A configuration, checked by `checkConfig`. */
const configSchema = z.unknown().transform((value, context): TrainConfig => {
  try {
    return checkConfig(value);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    context.addIssue({ code: "custom", message: error.message });
    return z.NEVER;
  }
});

/** waiting: not started; begun: a checkpoint exists or will soon; finished: trained and evaluated. */
const stateSchema = z.enum(["waiting", "begun", "finished"]);
export type RunState = z.infer<typeof stateSchema>;

const runSchema = z.strictObject({
  /** null: the phase that the rows of this seed and fold start from. */
  row: z.enum(rowNames).nullable(),
  seed: count,
  /** The held-out fold; null without folds. */
  fold: count.nullable(),
  /** A run folder, relative to study.json. */
  dir: z.string().regex(/^[a-z0-9-]+\/seed-\d+(-fold-\d+)?$/),
  state: stateSchema,
  /** Seconds of training in its own phases, excluding compiling and evaluating; 0 before the first epoch is done. */
  seconds: z.number().min(0),
});
export type StudyRun = z.infer<typeof runSchema>;

export const studySchema = z.strictObject({
  format: z.literal("mganet-study-1"),
  /** The settings that all runs share. The model's options are Proposed's, `seed` and `fold` the first run's. */
  config: configSchema,
  /** The data set's name, and the sides the runs are evaluated on; empty until the images have been read once. */
  data: z.string(),
  external: z.string(),
  sides: z.array(z.enum(sideNames)),
  adapter: z.string(),
  /** The checkpoint of each run to evaluate. */
  checkpoint: z.enum(["last", "best"]),
  tables: z.array(z.literal(tableIds)),
  seeds: z.array(count),
  /** Every run ever requested of the study. */
  runs: z.array(runSchema),
  /** The tables as printed, once all their runs are finished. */
  results: z.array(studyTableSchema),
});
export type Study = z.infer<typeof studySchema>;

/** A setting that differs between two configurations; undefined if it is equal. */
export interface Difference {
  setting: string;
  before: unknown;
  now: unknown;
}

const namesKey = (names: unknown): string =>
  [names]
    .flat()
    .map((name) => classKey(String(name)))
    .join();

/** The first shared setting in which two studies differ. `sameFile` compares names of files and folders. */
export function firstDifference(
  before: TrainConfig,
  now: TrainConfig,
  sameFile: (a: string, b: string) => boolean,
): Difference | undefined {
  const isFile = (setting: string, value: unknown) =>
    ["data", "external", "split"].includes(setting) && value !== "" && !isPhantom(String(value));
  const flat = ({ epochs, ...rest }: TrainConfig): [string, unknown][] => [
    ...Object.entries(rest),
    ...Object.entries(epochs).map(([name, count]): [string, number] => [`epochs.${name}`, count]),
  ];
  const old = new Map(flat(before));
  for (const [setting, value] of flat(now)) {
    const other = old.get(setting);
    const same =
      JSON.stringify(other) === JSON.stringify(value) ||
      // The images were read since, and their spelling of the classes was kept.
      (["classes", "positive"].includes(setting) && namesKey(other) === namesKey(value)) ||
      (isFile(setting, value) && isFile(setting, other) && sameFile(other as string, value as string));
    if (!same) return { setting, before: other, now: value };
  }
  return undefined;
}
