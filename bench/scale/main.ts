/**
 * What studies cost at scale, as tables for docs/scale.md. Needs no device:
 *
 *     npx tsx bench/scale/main.ts [cost] [folder]
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { models } from "../../src/models/registry.ts";
import type { TableId } from "../../src/study/rows.ts";
import { presetFor } from "../../src/train/config.ts";
import { resultsSchema } from "../results.ts";
import { schedule, studyJobs, workOf, type Job } from "./cost.ts";
import { type Folder, simulate } from "./folder.ts";

const row = (cells: readonly (string | number)[]) => `| ${cells.join(" | ")} |`;
const head = (cells: readonly string[]) => [row(cells), row(cells.map((_, i) => (i === 0 ? "---" : "---:")))];
const giga = (flops: number) => (flops / 1e9).toPrecision(3);

/** GFLOP/s of a training step at full width, as measured. */
function measured(): Map<string, number> {
  const file = fileURLToPath(new URL("../results/lavapipe-2-cores-models.json", import.meta.url));
  const { results } = resultsSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  return new Map(results.map(({ name, ours }) => [name.replace("model/", ""), ours.gflops]));
}

function modelCosts(): string[] {
  const speeds = measured();
  const rows = models.flatMap(({ id }) => {
    const [quick, paper] = (["quick", "paper"] as const).map((name) => workOf(presetFor(name, "images", id)));
    return paper!.map(({ phase, step, evaluation }, i) => {
      // What was measured is the last phase.
      const speed = i === paper!.length - 1 ? speeds.get(id) : undefined;
      const images = speed === undefined ? "" : ((speed * 1e9) / step).toFixed(2);
      const small = quick![i]!;
      return row([`${id}, ${phase}`, giga(small.step), giga(small.evaluation), giga(step), giga(evaluation), speed?.toFixed(0) ?? "", images]); // prettier-ignore
    });
  });
  const heads = ["", "step, quick", "inference, quick", "step, paper", "inference, paper", "GFLOP/s measured", "images/s measured"]; // prettier-ignore
  return [...head(heads), ...rows];
}

/** Operations of a joint step for an image at 224 × 224: the unit in which speeds are given. */
const unit = workOf(presetFor("paper", "images")).at(-1)!.step;

function studyCosts(): string[] {
  const images = { train: 800, val: 200 };
  const main: TableId[] = [2, 3, 4];
  const all: TableId[] = [...main, 6, "masks", "classes"];
  const sizes = [
    { title: "Tables 2 to 5", tables: main, seeds: 5, folds: 0 },
    { title: "the same, 5 folds", tables: main, seeds: 5, folds: 5 },
    { title: "and all other studies", tables: all, seeds: 5, folds: 0 },
    { title: "the same, 5 folds", tables: all, seeds: 5, folds: 5 },
  ];
  const rows = sizes.map(({ title, ...size }) => {
    const jobs: Job[] = studyJobs({ ...size, images });
    const work = jobs.reduce((sum, job) => sum + job.work, 0);
    const hours = [1, 8, 64].map((cards) => {
      const { end, busy } = schedule(jobs, cards);
      return `${(end / unit / 100 / 3600).toPrecision(3)} h${cards > 1 ? ` (${(100 * busy).toFixed(0)} %)` : ""}`;
    });
    return row([title, jobs.length, (work / 1e15).toFixed(0), (work / unit / 1e6).toFixed(1), ...hours]);
  });
  return [...head(["", "trainings", "PFLOP", "million image steps", "1 card", "8 cards", "64 cards"]), ...rows];
}

const folders: [string, Folder][] = [
  ["1 ms", { delay: 0.001, capacity: 20_000, lookups: 0 }],
  ["50 ms, lost caches", { delay: 0.05, capacity: 20_000, lookups: 2 }],
];

function folderCosts(): string[] {
  const lengths = [600, 3600, 21_600];
  const rows = folders.flatMap(([title, folder]) =>
    (["locked", "none"] as const).flatMap((notes) =>
      [8, 64, 256, 1000].map((processes) => {
        const outcomes = lengths.map((seconds) =>
          simulate(folder, { processes, runs: 2 * processes, seconds, epoch: 60, notes }),
        );
        const shares = outcomes.map(({ ideal, trained }) => `${((100 * ideal) / trained).toFixed(0)} %`);
        const { lockWait, requests, end } = outcomes[1]!;
        return row([`${title}${notes === "none" ? ", nothing recorded" : ""}`, processes, ...shares, lockWait.toFixed(0), (requests / end).toFixed(0)]); // prettier-ignore
      }),
    ),
  );
  const heads = [
    "folder",
    "processes",
    "runs of 10 min",
    "of 1 h",
    "of 6 h",
    "s for the lock, a run of 1 h",
    "requests/s",
  ];
  return [...head(heads), ...rows];
}

const parts = { cost: () => [...modelCosts(), "", ...studyCosts()], folder: folderCosts };
const asked = process.argv.slice(2);
const unknown = asked.find((name) => !(name in parts));
if (unknown !== undefined) {
  console.error(`Error: ${unknown}: there are ${Object.keys(parts).join(" and ")}`);
  process.exitCode = 2;
} else {
  for (const [name, make] of Object.entries(parts)) {
    if (asked.length === 0 || asked.includes(name)) console.log(`${make().join("\n")}\n`);
  }
}
