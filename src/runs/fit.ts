/** Trains one run, from the beginning or from where it left off. */
import { patientOf } from "../data/patient.ts";
import type { Batch, Prepared } from "../data/sample.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { DEFAULT_THRESHOLD } from "../metrics/decision.ts";
import type { ImagePrediction } from "../metrics/predictions.ts";
import { classesOf } from "../train/classes.ts";
import type { TrainConfig } from "../train/config.ts";
import { beginningTexts, initialWeights, type InitialWeights, type Source } from "../train/initial.ts";
import type { ImageResult } from "../train/evaluate.ts";
import { DivergedError } from "../loop/diverged.ts";
import { type TrainingStep } from "../train/step.ts";
import { Trainer } from "../train/trainer.ts";
import type { EpochRecord, TrainingResult } from "../train/training.ts";
import type { EventSink } from "./events.ts";
import type { Follower } from "./follow.ts";
import type { ImageSource } from "./images.ts";
import { Run, savePredictions, type Loaded } from "./run.ts";
import { SplitData } from "./split-data.ts";
import type { Store } from "./store.ts";

export interface FitTask {
  gpu: Gpu;
  /** The run's folder; empty for a new run. */
  store: Store;
  config: TrainConfig;
  source: ImageSource;
  sides: { train: readonly Prepared[]; val: readonly Prepared[] };
  /** The split as a file, for a new run. */
  split: string;
  /** The data set's name. */
  data: string;
  /** What a new run begins from, if its configuration says so. */
  init?: readonly Source[] | undefined;
  /** The run to resume. */
  resumed?: { run: Run; loaded: Loaded } | undefined;
  emit: EventSink;
  signal?: AbortSignal;
  /** Seconds between saves within an epoch; 0: only at its end. */
  saveEvery: number;
  /** Whether to save predictions of the validation images as the checkpoints improve. */
  keepsPredictions?: boolean;
  /** The ids of images to follow through the training, or "default" for a few held-out ones (follow.ts). Default: none. */
  follow?: readonly string[] | "default" | undefined;
  /** Whether a new run that fails like this before its first checkpoint keeps its settings, to begin again. Default: never. */
  keepsFailed?: (error: unknown) => boolean;
  /** A phase has taken its first few steps, the last of them on `batch`; training waits. */
  onWarm?: (stage: string, step: TrainingStep, batch: Batch) => Promise<void>;
  /** An epoch has been recorded. */
  onRecord?: (run: Run, record: EpochRecord) => Promise<void>;
}

export interface FitOutcome extends TrainingResult {
  run: Run;
  variants: string;
}

/** Adds to the results their patients, which the network does not know. */
export function withPatients(results: readonly ImageResult[], prepared: readonly Prepared[]): ImagePrediction[] {
  const patients = new Map(prepared.map((p) => [p.id, patientOf(p)]));
  return results.map(({ image, ...result }) => ({ image, patient: patients.get(image) ?? null, ...result }));
}

/**
 * @throws ConfigError, PlanError, DataError for what cannot be trained, before the folder is created; DivergedError with the
 *   folder. A new run that fails before its first checkpoint leaves nothing behind, unless `keepsFailed`.
 */
export async function fitRun(task: FitTask): Promise<FitOutcome> {
  const { gpu, store, config, source, resumed, emit } = task;
  const data = new SplitData(source, task.sides, config);
  let trainer: Trainer | undefined;
  let run = resumed?.run;
  try {
    trainer = new Trainer(gpu, config, data);
    if (resumed) trainer.resume(resumed.loaded.checkpoint, resumed.loaded.file);
    const initial = resumed ? undefined : initialOf(task);
    if (initial) trainer.begin(initial);
    trainer.check();
    run ??= await beginRun(store, config, task.split);
    emit({ type: "run", folder: store.name });
    if (initial) {
      await run.saveInitial(await trainer.checkpoint());
      for (const text of beginningTexts(initial)) emit({ type: "remark", text });
    }
    const { variants } = trainer;
    if (!(await run.computesWith(variants))) {
      emit({
        type: "remark",
        text: `${store.name} was started with other kernel variants (by mganet tune, --no-tuned or another version): it resumes, but not bit for bit`,
      });
    }
    const follower = task.follow && (await followerOf(run, task.follow, task));
    const result = await fit(trainer, run, task, follower || undefined);
    return { ...result, last: result.last ?? run.lastEvaluation, run, variants };
  } catch (error) {
    // If removing fails too, because the folder is gone, that adds nothing to the original error.
    if (run && !run.hasCheckpoint && !task.keepsFailed?.(error)) await run.discard().catch(() => {});
    if (error instanceof DivergedError) throw new DivergedError(`${store.name}: ${error.message}`, { cause: error });
    throw error;
  } finally {
    trainer?.release();
    await data.close();
  }
}

/** The weights that a new run begins with; undefined for those of its seed. @throws ConfigError, CheckpointError */
const initialOf = ({ config, init = [] }: FitTask): InitialWeights | undefined =>
  config.init || init.length > 0 ? initialWeights(config, init) : undefined;

/** Creates a run and saves its split. */
export async function beginRun(store: Store, config: TrainConfig, split: string): Promise<Run> {
  const run = await Run.create(store, config);
  await run.saveSplit(split);
  return run;
}

/** Loaded when needed: it draws outlines and pictures. */
async function followerOf(run: Run, follow: NonNullable<FitTask["follow"]>, task: FitTask): Promise<Follower> {
  const { Follower } = await import("./follow.ts");
  return Follower.open(run, follow, task);
}

function fit(trainer: Trainer, run: Run, task: FitTask, follower: Follower | undefined): Promise<TrainingResult> {
  const { emit, config, sides, data, resumed, keepsPredictions, onWarm, onRecord, signal, saveEvery } = task;
  let hasBest = resumed?.loaded.checkpoint.best !== undefined;
  return trainer.fit(
    {
      onPhase: (record) => emit({ type: "phase", ...record }),
      onCompiled: (step, seconds) => emit({ type: "compiled", summary: step.plan.summary, seconds }),
      onStep: (record) => emit({ type: "step", ...record }),
      ...(onWarm ? { onWarm } : {}),
      async onEpoch(record) {
        await run.record(record);
        emit({ type: "epoch", record });
        await onRecord?.(run, record);
      },
      async onEvaluated(results, best) {
        hasBest ||= best;
        // As `evaluate` chooses: the best weights, or else the last.
        if (!keepsPredictions || (hasBest && !best)) return;
        await savePredictions(run.store, {
          ...{ checkpoint: `${best ? "best" : "last"}.safetensors`, data, on: "val", threshold: DEFAULT_THRESHOLD },
          classes: classesOf(config),
          images: withPatients(results, sides.val),
        });
      },
      ...(follower ? { onFollowed: (record, predictions) => follower.add(record, predictions) } : {}),
      save: (name, bytes) => run.save(name, bytes),
    },
    signal,
    { saveEvery, follow: follower?.input },
  );
}
