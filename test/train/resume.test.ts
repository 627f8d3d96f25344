/** A run stopped or killed at any moment and then resumed ends with the same bits. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { InputError } from "../../src/node/files.ts";
import { FolderStore } from "../../src/node/folder-store.ts";
import { Run } from "../../src/runs/run.ts";
import { parseCheckpoint } from "../../src/train/checkpoint.ts";
import { Trainer } from "../../src/train/trainer.ts";
import type { EpochRecord, FitOptions, TrainerEvents } from "../../src/train/training.ts";
import { useGpu } from "../support/gpu.ts";
import { slow } from "../support/selection.ts";
import { config, MadeUpData, withoutTimes } from "./support.ts";

const gpu = useGpu();
/** 4 steps in each epoch of the segmentation stage, 3 in each of the joint stage. */
const steps = 2 * 4 + 2 * 3;
const root = mkdtempSync(path.join(tmpdir(), "mganet-resume-"));
afterAll(() => rmSync(root, { recursive: true }));
let runs = 0;
const newFolder = () => path.join(root, String(runs++));

/** Opens the run of a folder, or begins one, and trains. `moment` is called at each point where something may happen. */
async function train(
  dir: string,
  moment: (what: string) => void = () => {},
  signal?: AbortSignal,
  options: FitOptions = {},
) {
  const trainer = new Trainer(gpu(), config, new MadeUpData({ onValidation: () => moment("evaluation") }));
  const resumed = await Run.open(new FolderStore(dir)).catch((error: unknown) => {
    // Nothing was saved yet: the folder holds config.json at most.
    expect(error).toBeInstanceOf(InputError);
    rmSync(dir, { recursive: true, force: true });
    return undefined;
  });
  const run = resumed?.run ?? (await Run.create(new FolderStore(dir), config));
  if (resumed) trainer.resume(resumed.loaded.checkpoint, resumed.loaded.file);
  const events: TrainerEvents = {
    onStep: () => moment("step"),
    async onEpoch(record) {
      moment("before the record");
      await run.record(record);
      moment("after the record");
    },
    async save(name, bytes) {
      moment(`before ${name}`);
      await run.save(name, bytes);
      moment(`after ${name}`);
    },
  };
  return trainer.fit(events, signal, options);
}

interface Left {
  last: Buffer;
  best: Buffer;
  records: Partial<EpochRecord>[];
}

function leftIn(dir: string): Left {
  const lines = readFileSync(path.join(dir, "metrics.jsonl"), "utf8").trimEnd().split("\n");
  return {
    last: readFileSync(path.join(dir, "last.safetensors")),
    best: readFileSync(path.join(dir, "best.safetensors")),
    records: lines.map((line) => withoutTimes(JSON.parse(line) as EpochRecord)),
  };
}

/** Compares without printing megabytes. */
function expectSame(left: Left, whole: Left): void {
  expect(left.records).toEqual(whole.records);
  expect(left.last.equals(whole.last), "the bytes of last.safetensors").toBe(true);
  expect(left.best.equals(whole.best), "the bytes of best.safetensors").toBe(true);
}

let whole: Left;
/** Everything that happens in an uninterrupted run, in order. */
const moments: string[] = [];
beforeAll(async () => {
  const dir = newFolder();
  expect(await train(dir, (what) => moments.push(what))).toMatchObject({ finished: true });
  whole = leftIn(dir);
}); // Every shader may have to be compiled first.

test("two runs end with the same bits", async () => {
  const dir = newFolder();
  const result = await train(dir);
  expectSame(leftIn(dir), whole);
  expect(result.last).toEqual(whole.records.at(-1)!.validation);
  expect(whole.records.map(({ stage, epoch, step }) => [stage, epoch, step])).toEqual([
    ["segmentation", 1, 4],
    ["segmentation", 2, 8],
    ["joint", 1, 11],
    ["joint", 2, 14],
  ]);
});

describe("an orderly stop", () => {
  test("before the first step, and then after every single step", slow, async () => {
    const dir = newFolder();
    expect(await train(dir, undefined, AbortSignal.abort())).toMatchObject({ finished: false });
    let stops = 0;
    for (;;) {
      const controller = new AbortController();
      // One more step is under way when the signal comes; it is completed.
      const { finished } = await train(dir, (what) => void (what === "step" && controller.abort()), controller.signal);
      if (finished) break;
      stops++;
    }
    expect(stops).toBeGreaterThanOrEqual(steps / 2);
    expectSame(leftIn(dir), whole);
  });

  test.each([
    ["while the first epoch is evaluated", "evaluation", 1],
    ["while the first epoch of the joint stage is evaluated", "evaluation", 3],
    ["while the last epoch is evaluated", "evaluation", 4],
    ["right after the last step of a stage", "step", 8],
    ["right at the end of a stage", "after the record", 2],
  ])("%s", slow, async (_, moment, occurrence) => {
    const dir = newFolder();
    const controller = new AbortController();
    let seen = 0;
    const stop = (what: string) => void (what === moment && ++seen === occurrence && controller.abort());
    expect(await train(dir, stop, controller.signal)).toMatchObject({ finished: false });
    expect(await train(dir)).toMatchObject({ finished: true });
    expectSame(leftIn(dir), whole);
  });
});

test(
  "a death at any moment leaves the last checkpoint whole, from which the run goes on to the same bits",
  slow,
  async () => {
    expect(moments.length).toBeGreaterThanOrEqual(steps + 4 * 5 + 2);
    // At every third moment the process dies, each time once more in the run that goes on from there.
    const dir = newFolder();
    for (let dies = 1; ; dies += 3) {
      let seen = 0;
      const dying = train(dir, (what) => {
        if (++seen === dies) throw new Error(`dead at ${what}`);
      });
      const outcome = await dying.catch((error: unknown) => String(error));
      if (typeof outcome !== "string") {
        expect(outcome).toMatchObject({ finished: true });
        break;
      }
      expect(outcome).toMatch(/^Error: dead at /);
    }
    expectSame(leftIn(dir), whole);
  },
);

test("saved by time, it goes on from within an epoch, to the same bits", slow, async () => {
  const dir = newFolder();
  // Whatever the clock says, it is time after each step.
  const always = { saveEvery: 1e-9 };
  /** Where the checkpoint is, in steps; 0 where there is none. */
  const saved = () => {
    const file = path.join(dir, "last.safetensors");
    return existsSync(file) ? parseCheckpoint(readFileSync(file), file).position.step : 0;
  };
  const positions: number[] = [];
  for (let deaths = 0; ; deaths++) {
    let taken = 0;
    const from = saved();
    // Dead after the third step: two have been saved, the third is lost.
    const dying = train(
      dir,
      (what) => {
        if (what === "step" && ++taken === 3) throw new Error("dead");
      },
      undefined,
      always,
    );
    const outcome = await dying.catch((error: unknown) => String(error));
    if (typeof outcome !== "string") break;
    expect(outcome).toBe("Error: dead");
    expect(saved()).toBeGreaterThan(from);
    positions.push(saved());
  }
  // Ends of epochs are 4, 8, 11 and 14.
  expect(positions.some((step) => ![4, 8, 11, 14].includes(step))).toBe(true);
  expectSame(leftIn(dir), whole);
});

test("saved by time, the last step of an epoch is saved before the evaluation", slow, async () => {
  const events: string[] = [];
  await train(newFolder(), (what) => events.push(what), undefined, { saveEvery: 1e-9 });
  const evaluated = events.indexOf("evaluation");
  expect(events.slice(0, evaluated)).toEqual(
    Array.from({ length: 2 }, () => ["step", "step", "before last", "after last"]).flat(),
  );
  const rare: string[] = [];
  await train(newFolder(), (what) => rare.push(what), undefined, { saveEvery: 3600 });
  expect(rare).toEqual(moments);
});

test("leftovers of a killed process are removed on resuming", async () => {
  const dir = newFolder();
  await train(dir, undefined, AbortSignal.abort());
  const names = readdirSync(dir);
  writeFileSync(path.join(dir, ".mganet-123-4.tmp"), "half a checkpoint");
  await Run.open(new FolderStore(dir));
  expect(readdirSync(dir)).toEqual(names);
});
