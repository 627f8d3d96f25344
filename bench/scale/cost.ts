/** What a study costs: the work of its runs in operations, and how long it takes on some number of cards. Needs no device. */
import { buildModel } from "../../src/train/build.ts";
import { presetFor, type TrainConfig } from "../../src/train/config.ts";
import { trainingKernels } from "../../src/train/kernels.ts";
import { pretraining, sharedPhase } from "../../src/train/pretrained.ts";
import { planRuns, runConfig, startsShared } from "../../src/study/plan.ts";
import type { TableId } from "../../src/study/rows.ts";

/** Numbers of images. */
export interface ImageCounts {
  train: number;
  val: number;
}

/** Operations (a multiply-add counts as two, of the direct algorithm) for one image in a phase. */
export interface PhaseWork {
  phase: string;
  step: number;
  evaluation: number;
}

/** Images that the operations of one are computed from; batch normalisation takes two or more. */
const BATCH = 2;

/** The work of each phase with epochs. */
export function workOf(config: TrainConfig): PhaseWork[] {
  const model = buildModel(config);
  const plans = trainingKernels(model, { batch: BATCH, size: config.size });
  const flops = plans.map((kernels) => kernels.reduce((sum, { flops }) => sum + flops, 0) / BATCH);
  return model.trained.map(({ name }, i) => ({ phase: name, step: flops[2 * i]!, evaluation: flops[2 * i + 1]! }));
}

/** A training of a study, as a process on one card does it. */
export interface Job {
  name: string;
  /** Must have ended before. */
  after?: string;
  /** Operations. */
  work: number;
}

/** The operations of a training, its evaluations included. */
export function trainingWork(config: TrainConfig, { train, val }: ImageCounts, work = workOf(config)): number {
  return work.reduce((sum, { phase, step, evaluation }) => {
    const epochs = config.epochs[phase]!;
    const steps = epochs * Math.floor(train / config.batch) * config.batch;
    return sum + steps * step + Math.ceil(epochs / config.evalEvery) * val * evaluation;
  }, 0);
}

export interface StudySize {
  tables: readonly TableId[];
  seeds: number;
  folds: number;
  images: ImageCounts;
}

/** The jobs of a study as published: the shared phase of each seed and fold, and the rows that start from it. */
export function studyJobs({ tables, seeds, folds, images }: StudySize, preset = presetFor("paper", "images")): Job[] {
  const shared = { ...preset, folds };
  const known = new Map<string, number>();
  // Runs that differ in seed and fold only do the same.
  const cost = (key: string, config: TrainConfig) => {
    const work = known.get(key) ?? trainingWork(config, images);
    known.set(key, work);
    return work;
  };
  return planRuns(
    tables,
    Array.from({ length: seeds }, (_, seed) => seed),
    folds,
  ).flatMap(({ seed, fold, runs }) => {
    const place = `seed ${seed}${fold === undefined ? "" : `, fold ${fold}`}`;
    const sharing = runs.find((run) => startsShared(shared, run));
    const first = sharing && runConfig(shared, sharing);
    const phase = first && sharedPhase(first)?.name;
    const start: Job[] = first ? [{ name: `shared, ${place}`, work: cost("shared", pretraining(first)) }] : [];
    const rows = runs.map((run): Job => {
      const config = runConfig(shared, run);
      const own = phase !== undefined && startsShared(shared, run);
      const rest = own ? { ...config, epochs: { ...config.epochs, [phase]: 0 } } : config;
      const job = { name: `${run.row}, ${place}`, work: cost(run.row, rest) };
      return own ? { ...job, after: `shared, ${place}` } : job;
    });
    return [...start, ...rows];
  });
}

/**
 * How long cards need for jobs, each taking the first one that may begin: the unit of `work`, over a speed of 1.
 * @returns when the last job ends, and the share of the cards' time in which they work
 */
export function schedule(jobs: readonly Job[], cards: number): { end: number; busy: number } {
  const free = Array.from({ length: cards }, () => 0);
  const ended = new Map<string, number>();
  const left = [...jobs];
  while (left.length > 0) {
    const card = free.indexOf(Math.min(...free));
    const ready = ({ after }: Job) => (after === undefined ? 0 : (ended.get(after) ?? Infinity));
    const now = free[card]!;
    let next = left.findIndex((job) => ready(job) <= now);
    if (next === -1) {
      // The card waits for what is the first to be ready.
      const soonest = Math.min(...left.map(ready));
      if (soonest === Infinity) throw new Error("a job waits for one that there is not");
      next = left.findIndex((job) => ready(job) === soonest);
    }
    const [job] = left.splice(next, 1);
    const end = Math.max(now, ready(job!)) + job!.work;
    ended.set(job!.name, end);
    free[card] = end;
  }
  const end = Math.max(0, ...free);
  const work = jobs.reduce((sum, job) => sum + job.work, 0);
  return { end, busy: end === 0 ? 1 : work / (end * cards) };
}
