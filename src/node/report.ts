/** Reports as files: what a run folder holds, read and put on a page. */
import { existsSync } from "node:fs";
import path from "node:path";
import { parseHTML } from "linkedom";
import { z } from "zod";
import type { Predictions } from "../metrics/predictions.ts";
import type { CasePicture } from "../report/cases.ts";
import { type ExplainedCase, runReport, type RunFacts } from "../report/run.ts";
import { studyReport, type StudyRunReport } from "../report/study.ts";
import { checkConfig, ConfigError, type TrainConfig } from "../train/config.ts";
import type { EpochRecord } from "../train/training.ts";
import { InputError, readInput, writeWhole } from "./files.ts";
import { readPredictions } from "./predictions.ts";
import { predictionsFile, RunFolder } from "./run-folder.ts";
import { readStudy } from "./study-folder.ts";

export const REPORT = "report.html";

/** A document for the plots to be made in; nothing is rendered. */
export const plotDocument = (): Document => parseHTML("<!doctype html><html><body></body></html>").document;

/** What a run folder says of itself. */
export interface RunContent {
  name: string;
  config: TrainConfig;
  facts: RunFacts;
  records: EpochRecord[];
  predictions: Predictions[];
}

const text = z.string().nullable().catch(null);
const count = z.number().int().min(0).catch(0);
/** Of a summary, what is shown; summaries of older runs lack some of it. */
const summarySchema = z.object({
  adapter: text,
  device: text,
  variants: text,
  seconds: z.number().nullable().catch(null),
  data: z
    .object({ split: z.string(), train: count, heldOut: count, test: count, skipped: z.array(z.unknown()).catch([]) })
    .nullable()
    .catch(null),
  best: z.object({ stage: z.string(), epoch: z.number() }).nullable().catch(null),
});

/**
 * Reads a run folder, finished or not.
 * @param summary what summary.json will say, of a run that is about to end
 * @throws InputError, DataError in one line if it is none, or a file in it cannot be read
 */
export async function readRun(dir: string, summary?: object): Promise<RunContent> {
  const file = path.join(dir, "config.json");
  if (!existsSync(dir)) throw new InputError(`${dir}: no such folder`);
  if (!existsSync(file)) throw new InputError(`${dir}: not a run folder (there is no config.json)`);
  const config = configOf(await readJson(file), file);
  const records = await RunFolder.records(dir);
  const predictions: Predictions[] = [];
  for (const on of ["val", "test", "external"] as const) {
    const kept = path.join(dir, predictionsFile(on));
    if (existsSync(kept)) predictions.push(await readPredictions(kept));
  }
  const ended = path.join(dir, "summary.json");
  const facts = factsOf(summary ?? (existsSync(ended) ? await readJson(ended) : {}));
  return { name: path.basename(path.resolve(dir)), config, facts, records, predictions };
}

function configOf(json: unknown, file: string): TrainConfig {
  try {
    return checkConfig(json);
  } catch (error) {
    throw error instanceof ConfigError ? new InputError(`${file}: ${error.message}`, { cause: error }) : error;
  }
}

function factsOf(json: unknown): RunFacts {
  const summary = summarySchema.catch(summarySchema.parse({})).parse(json);
  const { data, best, device, adapter } = summary;
  return {
    ...{ adapter, device, variants: summary.variants, seconds: summary.seconds },
    split: data && { how: data.split, train: data.train, val: data.heldOut, test: data.test },
    skipped: data && data.skipped.length,
    bestEpoch: best?.stage === "joint" ? best.epoch : null,
  };
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse((await readInput(file)).toString("utf8"));
  } catch (error) {
    throw error instanceof SyntaxError ? new InputError(`${file}: is not JSON`) : error;
  }
}

/** What a report can show besides what is in the folder. */
export interface ReportPictures {
  pictures?: ReadonlyMap<string, CasePicture>;
  explained?: readonly ExplainedCase[];
  /** As for `readRun`. */
  summary?: object;
}

/** Writes a run's report into its folder. @returns its file @throws as `readRun` does */
export async function writeRunReport(
  dir: string,
  { pictures = new Map(), explained = [], summary }: ReportPictures = {},
): Promise<string> {
  const file = path.join(dir, REPORT);
  const run = await readRun(dir, summary);
  await writeWhole(file, runReport(plotDocument(), { ...run, pictures, explained }));
  return file;
}

/**
 * Writes a study's report into its folder.
 * @returns its file
 * @throws InputError, DataError in one line if a file of the study cannot be read
 */
export async function writeStudyReport(dir: string, explained: readonly ExplainedCase[] = []): Promise<string> {
  const study = await readStudy(dir);
  const runs: StudyRunReport[] = [];
  for (const run of study.runs) {
    const { row } = run;
    if (row === null) continue;
    const kept = path.join(dir, run.dir, predictionsFile("val"));
    const predictions = run.state === "finished" && existsSync(kept) ? await readPredictions(kept) : null;
    runs.push({ run: { ...run, row }, predictions, report: existsSync(path.join(dir, run.dir, REPORT)) });
  }
  const file = path.join(dir, REPORT);
  const name = path.basename(path.resolve(dir));
  await writeWhole(file, studyReport(plotDocument(), { name, study, runs, explained }));
  return file;
}
