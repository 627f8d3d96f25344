/** Reads the folder of a run or study and writes its report. */
import * as z from "zod";
import type { Predictions } from "../metrics/predictions.ts";
import { caseKinds, notableCases } from "../metrics/notable-cases.ts";
import { ConfigError } from "../models/config-error.ts";
import { classifies } from "../models/model.ts";
import type { CasePicture } from "../report/cases.ts";
import { casesSide, type ExplainedCase, runReport, type RunFacts } from "../report/run.ts";
import type { LiveStudy } from "../report/study-live.ts";
import { studyReport, type Figure4, type StudyReport, type StudyRunReport } from "../report/study.ts";
import { figure3Table, tablePanel } from "../report/study-matrices.ts";
import { confusionPanel } from "../report/confusion-panel.ts";
import { PROPOSED, tableOf } from "../study/rows.ts";
import { checkConfig, specOf, type TrainConfig } from "../train/config.ts";
import type { EpochRecord } from "../train/training.ts";
import { damageIn } from "./damage.ts";
import { readPredictions } from "./predictions.ts";
import { readRecords, REPORT } from "./run.ts";
import { InputError, readJson, type Store } from "./store.ts";
import { BASE } from "./figure4.ts";
import { readStudy, runStoreOf } from "./study-folder.ts";
import type { Study } from "../study/file.ts";

export { REPORT };

/** The content of a run folder. */
export interface RunContent {
  name: string;
  config: TrainConfig;
  facts: RunFacts;
  records: EpochRecord[];
  predictions: Predictions[];
}

const text = z.string().nullable().catch(null);
const count = z.number().int().min(0).catch(0);
/** The parts of a summary that are shown; summaries of older runs lack some. */
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
  stopped: z.object({ stage: z.string(), epoch: count, epochs: count }).optional().catch(undefined),
});

/**
 * Reads a run folder, finished or not.
 * @param summary the future content of summary.json, for a run about to end
 * @throws InputError, DataError as one line if it is not a run folder, or a file in it cannot be read
 */
export async function readRun(store: Store, summary?: object): Promise<RunContent> {
  if (!(await store.exists(""))) throw new InputError(`${store.name}: no such folder`);
  if (!(await store.exists("config.json")))
    throw new InputError(`${store.name}: not a run folder (there is no config.json)`);
  const config = configOf(await readJson(store, "config.json"), store.path("config.json"));
  const predictions: Predictions[] = [];
  for (const on of ["val", "test", "external"] as const) {
    const kept = await readPredictions(store, on);
    if (kept) predictions.push(kept);
  }
  const ended = (await store.exists("summary.json")) ? await readJson(store, "summary.json") : {};
  return {
    name: nameOf(store),
    config,
    facts: factsOf(summary ?? ended, config),
    records: await readRecords(store),
    predictions,
  };
}

/** A folder's name, without its parents. */
const nameOf = ({ name }: Store): string => name.split(/[\\/]/).findLast((part) => part !== "" && part !== ".") ?? name;

function configOf(json: unknown, file: string): TrainConfig {
  try {
    return checkConfig(json);
  } catch (error) {
    throw error instanceof ConfigError ? new InputError(`${file}: ${error.message}`, { cause: error }) : error;
  }
}

function factsOf(json: unknown, config: TrainConfig): RunFacts {
  const summary = summarySchema.catch(summarySchema.parse({})).parse(json);
  const { data, best, device, adapter } = summary;
  const phases = specOf(config).phases;
  const chosen = best && phases.find(({ name }) => name === best.stage);
  return {
    ...{ adapter, device, variants: summary.variants, seconds: summary.seconds },
    split: data && { how: data.split, train: data.train, val: data.heldOut, test: data.test },
    skipped: data && data.skipped.length,
    ...(summary.stopped ? { stopped: summary.stopped } : {}),
    bestEpoch: chosen && classifies(chosen) ? { stage: chosen.name, epoch: best.epoch } : null,
  };
}

/** The single images shown in a run's report. */
export interface ShownImages {
  on: "val" | "test";
  /** Ids of all of them, and those whose activation is shown. */
  ids: ReadonlySet<string>;
  explained: ReadonlySet<string>;
}

/** Number of images of each kind shown, and of those with activation. */
const SHOWN_OF_EACH = 4;
const EXPLAINED_OF_EACH = 2;

export function imagesToShow(predictions: readonly Predictions[]): ShownImages | undefined {
  const side = casesSide(predictions);
  if (!side) return undefined;
  const idsOf = (count: number) => {
    const chosen = notableCases(side.images, side.threshold, count, side.classes);
    return new Set(caseKinds.flatMap((kind) => chosen[kind].map(({ image }) => image)));
  };
  return { on: side.on === "test" ? "test" : "val", ids: idsOf(SHOWN_OF_EACH), explained: idsOf(EXPLAINED_OF_EACH) };
}

/** What a report can show beyond the folder's content. */
export interface ReportPictures {
  pictures?: ReadonlyMap<string, CasePicture>;
  explained?: readonly ExplainedCase[];
  /** As for `readRun`. */
  summary?: object;
  /** As in `RunReport`. */
  lacks?: readonly string[];
}

/** Writes a run's report into its folder. @param document any DOM, to make the plots in. @throws as `readRun` does */
export async function writeRunReport(
  store: Store,
  document: Document,
  { pictures = new Map(), explained = [], summary, lacks = [] }: ReportPictures = {},
): Promise<void> {
  const run = await readRun(store, summary);
  await store.write(REPORT, runReport(document, { ...run, pictures, explained, lacks }));
}

/** The content of a study's folder. */
export type StudyContent = Pick<StudyReport, "name" | "study" | "runs">;

/** Reads a study's folder, finished or not. @throws InputError, DataError as one line if a file of it cannot be read */
export async function readStudyContent(store: Store): Promise<StudyContent> {
  const study = await readStudy(store);
  const runs: StudyRunReport[] = [];
  for (const run of study.runs) {
    const { row, seed } = run;
    if (row === null) continue;
    const own = runStoreOf(store, run);
    const predictions: StudyRunReport["predictions"] = {};
    for (const side of run.state === "finished" ? study.sides : []) {
      let kept: Predictions | undefined;
      // A damaged file is told of by the state of its run.
      await damageIn(async () => (kept = await readPredictions(own, side)));
      // Those of the other checkpoint are not what the tables are of.
      if (kept?.checkpoint === `${study.checkpoint}.safetensors`) predictions[side] = kept;
    }
    runs.push({ row, seed, run: { ...run, row }, predictions, report: await own.exists(REPORT) });
  }
  return { name: nameOf(store), study, runs };
}

/** Figure 3 of a study as an SVG with its caption; undefined before a table is finished, or if nothing was classified. */
export function figure3({ study, runs }: StudyContent): string | undefined {
  const table = figure3Table(study.results);
  const panel = table && tablePanel(table, study, runs);
  return panel && confusionPanel({ ...panel, caption: `Figure 3. ${panel.caption}` });
}

/** What a study's report can show beyond the folder's content. */
export interface StudyPictures {
  explained?: readonly ExplainedCase[];
  figure4?: Figure4 | undefined;
  live?: LiveStudy | undefined;
}

/** Writes a study's report into its folder. @throws as `readStudyContent` does */
export async function writeStudyReport(
  store: Store,
  document: Document,
  { explained = [], figure4, live }: StudyPictures = {},
): Promise<void> {
  const content = await readStudyContent(store);
  await store.write(REPORT, studyReport(document, { ...content, explained, figure4, live }));
}

/**
 * The finished runs of a study, the checkpoint that it evaluates, and the pair whose activations its report compares: Proposed
 * with Base, or else with the reference of a table.
 */
export async function studyRuns(store: Store): Promise<{
  finished: Store[];
  checkpoint: Study["checkpoint"];
  pair?: { proposed: Store; base: Store };
}> {
  const { runs, tables, checkpoint } = await readStudy(store);
  const done = runs.filter(({ row, state }) => row !== null && state === "finished");
  const finished = done.map((run) => runStoreOf(store, run));
  const proposed = done.find(({ row }) => row === PROPOSED);
  const rows = [BASE, ...tables.map((id) => tableOf(id).reference)].filter((row) => row !== PROPOSED);
  const base = rows.flatMap(
    (row) => done.find((run) => run.row === row && run.seed === proposed?.seed && run.fold === proposed.fold) ?? [],
  )[0];
  if (!proposed || !base) return { finished, checkpoint };
  return { finished, checkpoint, pair: { proposed: runStoreOf(store, proposed), base: runStoreOf(store, base) } };
}
