/** Runs a whole training: images, the run itself, the evaluations at its end, and the summary. */
import type { Batch, Prepared } from "../data/sample.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { DEFAULT_THRESHOLD } from "../metrics/decision.ts";
import type { Evaluation } from "../metrics/evaluation.ts";
import type { EvaluatedSide } from "../metrics/predictions.ts";
import { classesOf } from "../train/classes.ts";
import { specOf, type TrainConfig } from "../train/config.ts";
import { initialWeights, type Source } from "../train/initial.ts";
import type { TrainingStep } from "../train/step.ts";
import type { EpochRecord } from "../train/training.ts";
import { evaluateImages } from "./evaluate-images.ts";
import type { EventSink } from "./events.ts";
import { fitRun, type FitOutcome } from "./fit.ts";
import type { ImageSource } from "./images.ts";
import { loadImages, type DataReport, type TrainingImages } from "./load-data.ts";
import { openModel, type OpenModel } from "./open-model.ts";
import { ownSplit, Run, runCheckpoint, savePredictions, type Loaded } from "./run.ts";
import type { Store } from "./store.ts";

/**
 * The reason of a signal that ends a run for good: what it has learned is evaluated and kept as its result. With any other reason a
 * run is paused, and can be resumed.
 */
export class EndOfRun extends Error {
  override name = "EndOfRun";

  constructor() {
    super("ended before its last epoch");
  }
}

export interface TrainTask {
  gpu: Gpu;
  /** Empty for a new run, else that of the run to resume. */
  store: Store;
  config: TrainConfig;
  source: ImageSource;
  /** What a new run begins from; `config.init` says so. */
  init?: readonly Source[] | undefined;
  resumed?: { run: Run; loaded: Loaded } | undefined;
  emit: EventSink;
  signal?: AbortSignal;
  /** Seconds between saves within an epoch; 0: only at its end. */
  saveEvery: number;
  /** As in `FitTask`. */
  follow?: readonly string[] | "default" | undefined;
  keepsFailed?: (error: unknown) => boolean;
  onWarm?: (stage: string, step: TrainingStep, batch: Batch) => Promise<void>;
  onRecord?: (run: Run, record: EpochRecord) => Promise<void>;
  /** Training has ended: the summary's content, and the images that a report may show. */
  onReport?: (summary: RunSummary, images: { val: readonly Prepared[]; test: readonly Prepared[] }) => Promise<void>;
}

/** summary.json. */
export interface RunSummary {
  config: TrainConfig;
  adapter: string;
  device?: string;
  variants: string;
  /** From start to end; for a resumed run, of the last stretch. */
  seconds: number;
  data: object;
  last: Evaluation | null;
  best: FitOutcome["best"] | null;
  test?: Evaluation;
  external?: Evaluation;
  /** Where it was ended for good before its last epoch. */
  stopped?: { stage: string; epoch: number; epochs: number };
}

/**
 * Trains a run to the end, or to where `signal` ends it for good. @returns its summary; undefined if it was interrupted and saved
 * @throws DataError, ConfigError, PlanError, InputError, DivergedError; the abort reason if aborted before training began
 */
export async function train(task: TrainTask): Promise<RunSummary | undefined> {
  const { gpu, store, source, resumed, emit } = task;
  const begunMs = performance.now();
  // Before images are read, as far as it can be known without their classes.
  if (task.init?.length && !resumed) initialWeights(task.config, task.init);
  const kept = resumed && (await ownSplit(store));
  const split = kept === undefined ? undefined : { file: store.path("split.json"), text: kept };
  const images = await loadImages(source, task.config, split, { ...task, resumes: resumed !== undefined });
  const { config, sides, report } = images;
  const outcome = await fitRun({
    ...task,
    config,
    sides,
    split: images.split,
    data: report.name,
    resumed,
    keepsPredictions: true,
  });
  const { run, finished, best, variants } = outcome;
  const stopped = finished ? undefined : await endedEarly(task);
  if (!finished && !stopped) return undefined;
  // Ended before its first evaluation, it is evaluated as it is.
  const last = outcome.last ?? (await evaluateSide(task, "val", sides.val, report.name));
  const further = await evaluateOthers(task, images.others, report);
  const { vendor, architecture, device } = gpu.info;
  const seconds = (performance.now() - begunMs) / 1000;
  const summary: RunSummary = {
    config,
    adapter: gpu.name,
    device: [vendor, architecture, device].filter(Boolean).join(" "),
    variants,
    seconds,
    data: report,
    last,
    best: best ?? null,
    ...further,
    ...(stopped ? { stopped } : {}),
  };
  emit({ type: "trained", seconds, classes: classesOf(config), last, best });
  await task.onReport?.(summary, { val: sides.val, test: images.others.test ?? [] });
  // Written last: a run that has it is complete.
  await run.summary(summary);
  return summary;
}

/** Evaluates the best checkpoint, or else the last, on the images kept for the end. */
async function evaluateOthers(
  task: TrainTask,
  others: TrainingImages["others"],
  report: DataReport,
): Promise<Pick<RunSummary, "test" | "external">> {
  const { gpu, store, emit } = task;
  const results: Pick<RunSummary, "test" | "external"> = {};
  const waiting = Object.entries(others) as [keyof typeof others, Prepared[]][];
  if (waiting.length === 0) return results;
  const loaded = await runCheckpoint(store);
  using open = openModel(gpu, loaded);
  for (const [side, prepared] of waiting) {
    const data = side === "external" ? report.external!.name : report.name;
    results[side] = await evaluateOpen(task, { open, checkpoint: loaded.name }, side, prepared, data);
    emit({ type: "evaluated", checkpoint: loaded.name, side, images: prepared.length, metrics: results[side] });
  }
  return results;
}

/** Evaluates the best checkpoint, or else the last, on a side, and keeps the predictions. */
async function evaluateSide(task: TrainTask, side: EvaluatedSide, prepared: readonly Prepared[], data: string) {
  const loaded = await runCheckpoint(task.store);
  using open = openModel(task.gpu, loaded);
  return await evaluateOpen(task, { open, checkpoint: loaded.name }, side, prepared, data);
}

async function evaluateOpen(
  { source, store }: TrainTask,
  { open, checkpoint }: { open: OpenModel; checkpoint: string },
  on: EvaluatedSide,
  prepared: readonly Prepared[],
  data: string,
): Promise<Evaluation> {
  const { metrics, images } = await evaluateImages(open, source, prepared);
  await savePredictions(store, { checkpoint, data, on, threshold: DEFAULT_THRESHOLD, classes: open.classes, images });
  return metrics;
}

/** Where a run was ended for good; undefined if it was not, or has not taken a step: then there is nothing to keep as its result. */
async function endedEarly({ store, config, signal }: TrainTask): Promise<RunSummary["stopped"]> {
  if (!(signal?.reason instanceof EndOfRun)) return undefined;
  const { position } = (await runCheckpoint(store, "last")).checkpoint;
  if (position.step === 0) return undefined;
  const { phases } = specOf(config);
  // Between two phases the position is the beginning of the second.
  const before = phases.findLast(({ name }, i) => i < position.stage && config.epochs[name]! > 0);
  const here = phases[position.stage];
  const phase = here && (position.epoch > 0 || position.batch > 0 || !before) ? here : before!;
  const epochs = config.epochs[phase.name]!;
  return { stage: phase.name, epoch: phase === here ? position.epoch : epochs, epochs };
}
