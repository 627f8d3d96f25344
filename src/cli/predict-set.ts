/** `mganet predict --data`: a whole set of images, or a shard of it, as lines of a file; goes on where it was stopped or killed. */
import { commandLine } from "../node/command-line.ts";
import type { PrepareSize } from "../data/crop-image.ts";
import { outline } from "../explain/outline.ts";
import type { ListedImage } from "../data/readers/image-list.ts";
import { DataError } from "../data/sample.ts";
import { isPhantom } from "../data/phantom/scanner.ts";
import { checkpointDigest } from "../node/checkpoint-digest.ts";
import { type ImageList, listImages } from "../node/data/image-list.ts";
import { type Decoding, type ListedJob, listedJobs } from "../node/data/predicted-images.ts";
import { InputError } from "../node/files.ts";
import {
  LINES,
  PredictionFolder,
  requirePredictionFolder,
  shardFolder,
  SUMMARY,
  TABLE,
} from "../node/prediction-folder.ts";
import { writeResults } from "../node/prediction-results.ts";
import { doubtOf } from "../runs/doubt.ts";
import { openModel, type OpenModel } from "../runs/open-model.ts";
import { inBatches, predictBatches, type Predicted } from "../runs/predict.ts";
import { PREDICTION_FORMAT, type PredictionJob } from "../runs/prediction-job.ts";
import type { PredictionLine } from "../runs/prediction-lines.ts";
import type { Loaded } from "../runs/run.ts";
import { placeOf, type Shard, showShard, sizeOfShard } from "../runs/shard.ts";
import { verdictOf } from "../runs/verdict.ts";
import { isClassifier } from "../train/checkpoint.ts";
import { classesOf } from "../train/classes.ts";
import { outlinesOf, type TrainConfig } from "../train/config.ts";
import { showNotes } from "./format.ts";
import { interruptible } from "./interruptible.ts";
import { Pace, showCounts, thousands } from "./predict-report.ts";
import { profiled, Profiler, type ProfileOptions } from "./profile.ts";
import { Progress } from "./progress.ts";
import { findCheckpoint } from "./targets.ts";
import { visibleName } from "./terminal.ts";
import { withTunedGpu, type TunedOption } from "./tuned.ts";

export interface PredictSetOptions extends TunedOption, ProfileOptions {
  run: string;
  out: string;
  data: string;
  half?: boolean;
  batch?: number;
  shard?: Shard;
  workers?: number;
}

/** Options that have no effect without --data. */
export const setOptions = ["shard", "batch", "workers"] as const;

/** Images in the network at a time. */
export const BATCH = 8;
/** Milliseconds between two lines on progress, where no bar is shown. */
const LINE_MS = 60_000;

/** @returns the exit code: 0 finished, 130 or 129 interrupted */
export async function predictSet(options: PredictSetOptions): Promise<number> {
  const { out, data, shard, batch = BATCH, half = false } = options;
  if (isPhantom(data))
    throw new InputError(`--data ${data}: the phantom has no files; evaluate --data ${data} predicts it`);
  await requirePredictionFolder(out, shard);
  await Profiler.check(options);
  const loaded = await findCheckpoint(options.run);
  const stop = interruptible("finishing the batch");
  try {
    const list = await listImages(data, stop.signal);
    for (const line of showNotes(list.notes)) console.log(line);
    const work = new Work(list, shard ?? { index: 1, of: 1 });
    const share = shard ? `, of which shard ${showShard(shard)} has ${thousands(work.size)}` : "";
    console.log(visibleName(`${thousands(list.images.length)} images in ${list.manifest ?? data}${share}`));
    const dir = shard ? shardFolder(out, shard) : out;
    const job = jobOf(loaded, list, { data, shard: shard ?? null, options: { half, batch } });
    await using folder = await PredictionFolder.open(dir, job, work.name, { onWait: console.log, signal: stop.signal });
    const { counts, torn, order } = folder.extent;
    if (torn) console.log(`${LINES}: the last line was cut short and is written again`);
    if (order.reached > 0) console.log(`${thousands(order.reached)} of them are done already`);
    // A device is opened for something to do only.
    const finished =
      folder.isDone(work.size) || (await predictRest(work, folder, loaded, { ...options, batch, half }, stop.signal));
    if (!finished) {
      console.log(
        visibleName(`Stopped after ${thousands(counts.lines)} pictures. Run the same command to go on in ${dir}.`),
      );
      return stop.code();
    }
    if (!shard) await writeResults(dir, job, [dir], [TABLE]);
    await folder.finish();
    for (const line of showCounts(counts)) console.log(visibleName(line));
    if (!shard && counts.predicted === 0)
      throw new DataError(`${data}: none of the ${counts.lines} images can be used`);
    console.log(visibleName(`Written to ${dir}: ${LINES}, ${shard ? "" : `${TABLE} `}and ${SUMMARY}`));
    if (shard) console.log(visibleName(`When all ${shard.of} shards are done:  ${commandLine("merge", out)}`));
    return 0;
  } catch (error) {
    if (!stop.signal.aborted || error !== stop.signal.reason) throw error;
    console.log("Stopped before the first image.");
    return stop.code();
  } finally {
    stop.dispose();
  }
}

/** The images of a shard, by their place in it. */
class Work {
  readonly list: ImageList;
  readonly size: number;
  readonly #shard: Shard;

  constructor(list: ImageList, shard: Shard) {
    this.list = list;
    this.#shard = shard;
    this.size = sizeOfShard(shard, list.images.length);
  }

  readonly name = (k: number): string | undefined => this.list.images[placeOf(this.#shard, k)]?.name;

  /** How many of its images are reached with the one at this place in the list. */
  upTo(index: number): number {
    return (index - placeOf(this.#shard, 0)) / this.#shard.of + 1;
  }

  *entries(from: number): Generator<{ index: number; entry: ListedImage }> {
    for (let k = from; k < this.size; k++) {
      const index = placeOf(this.#shard, k);
      yield { index, entry: this.list.images[index]! };
    }
  }
}

function jobOf(
  { checkpoint, file }: Loaded,
  list: ImageList,
  given: { data: string } & Pick<PredictionJob, "shard" | "options">,
): PredictionJob {
  const { data, ...rest } = given;
  const { config } = checkpoint;
  const { names, positive } = classesOf(config);
  return {
    format: PREDICTION_FORMAT,
    note: "for research; not a medical device",
    checkpoint: { digest: checkpointDigest(checkpoint), path: file },
    images: { digest: list.digest, count: list.images.length, data },
    ...rest,
    classes: [...names],
    positive: names[positive]!,
    learned: { classes: isClassifier(checkpoint), outlines: outlinesOf(config).learned },
    adapters: [],
  };
}

/** Predicts what is left. @returns whether all is done; else it was interrupted */
async function predictRest(
  work: Work,
  folder: PredictionFolder,
  loaded: Loaded,
  options: PredictSetOptions & { batch: number; half: boolean },
  signal: AbortSignal,
): Promise<boolean> {
  const { batch, half, workers } = options;
  const { reached, frame } = folder.extent.order;
  // A film may have further frames.
  const from = frame === undefined ? reached : reached - 1;
  const decoding: Decoding = { threads: 0, files: 0, ms: 0 };
  const jobs = listedJobs(
    {
      ...{ list: work.list, entries: work.entries(from), after: frame ?? 0, batch, signal },
      size: sizeOf(loaded.checkpoint.config),
      ...(workers === undefined ? {} : { workers }),
    },
    decoding,
  );
  const progress = new Progress();
  try {
    await withTunedGpu(options, async (gpu) => {
      using open = openModel(gpu, loaded);
      const others = await folder.takePart(gpu.name);
      if (others.length > 0) {
        console.log(
          visibleName(`note: begun on ${others.join(", ")}: results of ${gpu.name} may differ in the last digits`),
        );
      }
      const predictor = await open.predictor({ batch, half });
      const pace = new Pace(decoding, gpu.caps.adapterClass === "software");
      const task = {
        ...profiled(gpu, predictor, options),
        onTimes: (waited: number, computed: number) => pace.add(waited, computed),
      };
      progress.start("predicting", work.size, from);
      let told = performance.now();
      for await (const answers of predictBatches(inBatches(jobs, batch), task)) {
        folder.add(answers.map((answer) => lineOf(answer, open)));
        pace.images(answers.length);
        const at = work.upTo(answers.at(-1)!.job.index);
        const text = pace.line(work.size - at);
        progress.update(at, text);
        if (process.stdout.isTTY || performance.now() - told < LINE_MS) continue;
        told = performance.now();
        console.log(`${thousands(at)} of ${thousands(work.size)} images, ${text}`);
      }
      progress.clear();
      await folder.flush();
      for (const line of pace.summary()) console.log(line);
    });
  } finally {
    progress.stop();
    // Where the device could not be opened.
    await jobs.return(undefined);
  }
  return !signal.aborted;
}

const sizeOf = ({ size: [height, width], crop, resize }: TrainConfig): PrepareSize => ({ width, height, crop, resize });

function lineOf({ job, prediction }: Predicted<ListedJob>, open: OpenModel): PredictionLine {
  const { index, name: image, image: prepared, reason } = job;
  if (!prepared || !prediction) return { index, image, leftOut: reason! };
  const doubt = doubtOf(prediction);
  if (doubt?.isNone) return { index, image, leftOut: doubt.text };
  const note = [job.note, doubt?.text].filter((text) => text !== undefined).join("; ");
  const { width, height, source } = prepared;
  const { probabilities, mask } = prediction;
  const { verdict } = verdictOf(open.isClassifier ? probabilities : undefined, open.classes);
  const box = open.hasOutlines && mask ? { box: outline(mask, width, height, source!.crop).box ?? null } : {};
  return { index, image, ...verdict, ...box, ...(note === "" ? {} : { note }) };
}
