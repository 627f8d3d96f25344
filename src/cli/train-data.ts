/** The images of a training: prepared, split and told of; and those that wait for its end. */
import path from "node:path";
import { classNotes } from "../data/class-notes.ts";
import type { Label, Prepared, Skipped } from "../data/sample.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { Evaluation } from "../metrics/evaluation.ts";
import { splitData, splitFile } from "../node/data/sides.ts";
import { prepareData, SplitData } from "../node/data/training-data.ts";
import { predictionsOf } from "../node/predictions.ts";
import { findCheckpoint, type RunFolder } from "../node/run-folder.ts";
import { PHANTOM, type TrainConfig } from "../train/config.ts";
import { evaluateImages, prepareExternal } from "./evaluated.ts";
import { showMetrics, showNotes, showSkipped } from "./format.ts";
import type { Progress } from "./progress.ts";
import { visibleName } from "./terminal.ts";

/** What the summary of a run says of its data. */
interface DataReport {
  name: string;
  /** How the split came about. */
  split: string;
  train: number;
  heldOut: number;
  test: number;
  skipped: Skipped[];
  notes: string[];
  external?: { name: string; images: number; skipped: Skipped[] };
}

/** Reads and prepares the images of a configuration, with a bar where that takes long. @throws DataError */
export async function prepareShown(config: TrainConfig, progress: Progress, signal: AbortSignal) {
  let started = false;
  const found = await prepareData(config, {
    signal,
    onProgress: (done, total) => {
      if (!started) progress.start(config.data === PHANTOM ? "drawing the phantom" : "preparing images", total);
      started = true;
      progress.update(done);
    },
  });
  progress.clear();
  return found;
}

/** Reads, prepares and splits the images. `report` says what became of them, for the summary of the run. */
export async function loadData(config: TrainConfig, progress: Progress, signal: AbortSignal) {
  const { name, prepared, skipped, notes } = await prepareShown(config, progress, signal);
  const sides = splitData(prepared, config);
  const { train, val, test, left, how } = sides;
  const others: Others = test.length > 0 ? { test } : {};
  console.log(`Data: ${name}: ${describe("for training", train)}, ${describe("held out", val)}; ${how}`);
  if (test.length > 0) console.log(`      ${describe("for the test", test)}`);
  const out = [...skipped, ...left];
  const ofSides = [...sides.notes, ...(config.epochs.joint > 0 ? classNotes(train, val) : [])];
  for (const line of [...showSkipped(out), ...showNotes(notes), ...ofSides.map(visibleName)]) console.log(line);
  const report: DataReport = {
    name,
    split: how,
    train: train.length,
    heldOut: val.length,
    test: test.length,
    skipped: out,
    notes: [...notes, ...ofSides],
  };
  if (config.external !== "") {
    const { images, skipped, name, notes } = await prepareExternal(config, [...train, ...val], { signal });
    others.external = images;
    console.log(`External: ${name}: ${describe("for the end", images)}`);
    for (const line of [...showSkipped(skipped), ...showNotes(notes)]) console.log(line);
    report.external = { name, images: images.length, skipped };
  }
  return { data: new SplitData(train, val, config), report, split: splitFile(sides, name), held: val, others };
}

/** Images that are evaluated when training has ended, by what they are. */
type Others = Partial<Record<"test" | "external", Prepared[]>>;

/** Evaluates the best checkpoint, or the last where none is best, on them. */
export async function evaluateOthers(gpu: Gpu, run: RunFolder, others: Others, report: DataReport) {
  const results: Partial<Record<keyof Others, Evaluation>> = {};
  for (const [side, images] of Object.entries(others) as [keyof Others, Prepared[]][]) {
    const { checkpoint, file } = await findCheckpoint(run.dir);
    const { metrics, images: found } = await evaluateImages(gpu, checkpoint, file, images);
    results[side] = metrics;
    await run.savePredictions({
      checkpoint: path.basename(file),
      data: (side === "external" ? report.external : report)!.name,
      on: side,
      threshold: 0.5,
      images: predictionsOf(found, images),
    });
    console.log(`${path.basename(file)} on the ${images.length} ${side} images: ${showMetrics(metrics)}`);
  }
  return results;
}

/** "28 for training (14 benign, 14 malignant)". */
export function describe(side: string, images: readonly Prepared[]): string {
  const count = (label: Label) => images.filter((p) => p.label === label).length;
  const unknown = count(undefined);
  const parts = [`${count(0)} benign`, `${count(1)} malignant`, ...(unknown > 0 ? [`${unknown} without a class`] : [])];
  return `${images.length} ${side} (${parts.join(", ")})`;
}
