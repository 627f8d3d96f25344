/** Folders of a run and of a study as their commands leave them, with predictions that are drawn. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { benignMalignant } from "../../src/data/classes.ts";
import { stream } from "../../src/data/random.ts";
import {
  fromSecond,
  writePredictions,
  type EvaluatedSide,
  type ImagePrediction,
} from "../../src/metrics/predictions.ts";
import type { TrainConfig } from "../../src/train/config.ts";
import type { Study, StudyRun } from "../../src/study/file.ts";
import { studyTable } from "../../src/study/results.ts";
import { runName } from "../../src/study/plan.ts";
import { tables, type RowName } from "../../src/study/rows.ts";
import type { EpochRecord } from "../../src/train/training.ts";
import { mganetConfig, stages } from "../support/mganet.ts";

/** A name that is markup, which must stay text wherever it is shown. */
export const HOSTILE = `<img src=x onerror="globalThis.hacked=1">&'.png`;

/** Images of a network that tells the classes apart the better, the larger `skill`. */
export function drawnImages(count: number, skill: number, seed: number): ImagePrediction[] {
  const random = stream(seed);
  const share = () => (random.next() >>> 0) / 2 ** 32;
  const normal = () => Math.sqrt(-2 * Math.log(1 - share())) * Math.cos(2 * Math.PI * share());
  return Array.from({ length: count }, (_, i): ImagePrediction => {
    const label = i % 2 === 0 ? 0 : 1;
    const dice = Math.min(1, 0.6 + 0.4 * share());
    return {
      image: i === 0 ? HOSTILE : `case ${i}`,
      patient: `${i >> 1}`,
      label,
      // The first image is seen quite wrongly, so that it is among the worst.
      probabilities: fromSecond(i === 0 ? 0.999 : 1 / (1 + Math.exp(-(skill * (2 * label - 1) + 1.3 * normal())))),
      dice,
      iou: dice / (2 - dice),
    };
  });
}

export const runConfig: TrainConfig = mganetConfig({
  data: `/data/<b>images</b>`,
  epochs: { segmentation: 4, joint: 8 },
});

function records({ epochs }: TrainConfig): EpochRecord[] {
  const all = stages.flatMap((stage) =>
    Array.from({ length: epochs[stage]! }, (_, i) => ({ stage, epoch: i + 1, of: epochs[stage]! })),
  );
  return all.map(({ stage, epoch, of }, i) => {
    const t = epoch / of;
    const joint = stage === "joint";
    const found = joint ? { accuracy: 0.6 + 0.3 * t, auc: 0.65 + 0.3 * t, f1: 0.58 + 0.32 * t } : {};
    return {
      ...{ stage, epoch, step: 10 * (i + 1), lr: 1e-3, loss: (joint ? 1.6 : 0.7) - 0.5 * t },
      ...(joint ? { cls: 0.9 - 0.4 * t, seg: 0.35 - 0.05 * t } : {}),
      ...{ seconds: 5, imagesPerSecond: joint ? 38 : 70 },
      ...(epoch % 2 === 0 ? { validation: { images: 90, dice: 0.7 + 0.1 * t, iou: 0.6 + 0.1 * t, ...found } } : {}),
    };
  });
}

function put(dir: string, files: Record<string, string | object>): void {
  mkdirSync(dir, { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(path.join(dir, name), typeof content === "string" ? content : JSON.stringify(content));
  }
}

/** A run that is finished. */
export function writeRun(
  dir: string,
  sides: Partial<Record<EvaluatedSide, ImagePrediction[]>>,
  checkpoint = "best.safetensors",
): void {
  put(dir, {
    "config.json": runConfig,
    "metrics.jsonl": records(runConfig).map((r) => `${JSON.stringify(r)}\n`).join(""), // prettier-ignore
    "summary.json": {
      ...{ adapter: "llvmpipe: Mesa 25.0.7", device: "mesa llvmpipe", variants: "fixed", seconds: 4000 },
      data: { name: "set", split: "30 % held out at random", train: 210, heldOut: 90, test: 40, skipped: [{}, {}] },
      best: { stage: "joint", epoch: 6, f1: 0.8 },
    },
  });
  for (const [on, images] of Object.entries(sides) as [EvaluatedSide, ImagePrediction[]][]) {
    const record = { checkpoint, data: "my <i>set</i>", on, threshold: 0.5, images };
    put(dir, { [on === "val" ? "predictions.json" : `predictions-${on}.json`]: writePredictions(record) });
  }
}

/** A study of table 3; without `whole`, its last run is not finished and there is no table yet. */
export function writeStudy(dir: string, seeds: readonly number[], whole: boolean): void {
  const skills: Partial<Record<RowName, number>> = { base: 0.7, channel: 0.9, spatial: 1, serial: 1.1, proposed: 1.4 };
  const rows: readonly RowName[] = tables[3].rows;
  const images = (row: RowName, seed: number) => drawnImages(90, skills[row]!, 100 * seed + rows.indexOf(row));
  const runs = seeds.flatMap((seed) =>
    rows.map((row): StudyRun => ({ row, seed, fold: null, dir: `${row}/${runName({ seed })}`, state: "finished", seconds: 60 })),
  ); // prettier-ignore
  if (!whole) runs.at(-1)!.state = "begun";
  for (const { row, seed, dir: own } of runs)
    writeRun(path.join(dir, own), { val: images(row!, seed) }, "last.safetensors");
  const of = (row: RowName, seed: number) => [images(row, seed)];
  const study: Study = {
    ...{ format: "mganet-study-1", config: runConfig, data: "my <i>set</i>", external: "", sides: ["val"] },
    ...{ adapter: "llvmpipe", checkpoint: "last", tables: [3], seeds: [...seeds], runs },
    results: whole ? [studyTable({ table: 3, on: "val", seeds, classes: benignMalignant, of })] : [],
  };
  put(dir, { "study.json": study });
}
