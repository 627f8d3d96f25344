/** The page of a study that is being worked on: what each run is doing, and the figures so far. */
import { expect, test } from "vitest";
import { benignMalignant } from "../../src/data/classes.ts";
import { plotDocument } from "../../src/cli/run-report.ts";
import { detailOf, summaryOf } from "../../src/cli/study-status.ts";
import { readStudyContent } from "../../src/runs/report.ts";
import { studyReport } from "../../src/report/study.ts";
import { savePredictions } from "../../src/runs/run.ts";
import { StudyFolder } from "../../src/runs/study-folder.ts";
import { liveStudy } from "../../src/runs/study-live.ts";
import { recordFailure } from "../../src/runs/study-state.ts";
import type { Place } from "../../src/study/plan.ts";
import { PHANTOM, presetFor } from "../../src/train/config.ts";
import { MemoryStore } from "../support/memory-store.ts";

const record = (stage: string, epoch: number, auc?: number) =>
  JSON.stringify({
    stage,
    epoch,
    step: epoch,
    lr: 1,
    loss: 1,
    seconds: 1,
    imagesPerSecond: 1,
    ...(auc === undefined ? {} : { validation: { auc } }),
  });

test("a study in the making shows each run, the figures of the finished ones, and all curves", async () => {
  const store = new MemoryStore();
  const request = { config: presetFor("quick", PHANTOM), tables: [3], seeds: [0, 1], checkpoint: "last" } as const;
  const folder = await StudyFolder.open(store, request, (a, b) => a === b);
  await folder.save({ sides: ["val"], data: "phantom 0" });
  const at = (row: Place["row"], seed: number) => folder.runStore({ row, seed });
  // Finished; failed; running; paused with its weights, and without.
  await at("base", 0).write("metrics.jsonl", [record("joint", 1, 0.5), record("joint", 2, 0.75)].join("\n"));
  const images = [0, 1].map((label) => {
    return { image: `${label}`, patient: null, label, probabilities: [1 - label, label], dice: 0.5, iou: null };
  });
  const head = { checkpoint: "last.safetensors", data: "phantom 0", on: "val", threshold: 0.5 } as const;
  await savePredictions(at("base", 0), { ...head, classes: benignMalignant, images });
  await at("base", 0).write("summary.json", "{}");
  await folder.note({ row: "base", seed: 0 }, "finished", 75);
  await recordFailure(at("serial", 1), { message: "the loss is <NaN>", host: "node-7", at: "now" });
  await at("proposed", 0).claim();
  for (const row of ["channel", "spatial"] as const) {
    await at(row, 0).write("config.json", "{}");
    await at(row, 0).write("metrics.jsonl", record("segmentation", 1));
  }
  await at("channel", 0).write("last.safetensors", "weights");

  const live = await liveStudy(folder, { detail: detailOf, summary: summaryOf, refresh: 10 });
  const seen = live.runs.flatMap(({ row, name, state, detail }) =>
    state === "waiting" ? [] : [[row, name, state, detail]],
  );
  expect(seen).toEqual([
    ["base", "seed-0", "finished", "in 1:15"],
    ["channel", "seed-0", "paused", "after 1 epoch"],
    ["spatial", "seed-0", "paused", "after 1 epoch, whose weights are gone: it begins anew"],
    ["proposed", "seed-0", "running", "on memory, process 1, preparing"],
    ["serial", "seed-1", "failed", "on node-7: the loss is <NaN>"],
  ]);
  expect(live.summary).toBe("1 finished, 1 running, 2 paused, 7 waiting, 1 failed");
  expect(live.known).toMatchObject([{ table: 3, on: "val", of: 2 }]);
  expect(live.known[0]!.rows.map(({ row, seeds, figures }) => [row, seeds, figures.auc?.mean])).toEqual([
    ["base", 1, 1],
    ...["channel", "spatial", "serial", "proposed"].map((row) => [row, 0, undefined]),
  ]);

  const content = await readStudyContent(store);
  const page = studyReport(plotDocument(), { ...content, explained: [], live });
  expect(page).toMatch(/<meta http-equiv="refresh" content="10" \/>/);
  expect(page).toMatch(/Table 3 so far: how the mask is used/);
  expect(page).toMatch(/title="on node-7: the loss is &lt;NaN&gt;"/);
  expect(page).toMatch(/<h3>Table 3: AUC on the held-out images<\/h3>/);
  expect(page).not.toMatch(/<script|NaN<\/td>/);
  const { refresh, ...still } = live;
  expect(refresh).toBe(10);
  expect(studyReport(plotDocument(), { ...content, explained: [], live: still })).not.toMatch(/http-equiv="refresh"/);
});
