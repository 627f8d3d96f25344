/** The program as a process: exit codes, signals, and a reader that disappears. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { COLD, program, spawned } from "./spawned.ts";
import { temporaryFolder } from "./support.ts";

const dir = temporaryFolder();
const at = (name: string) => path.join(dir, name);
const settings = [
  ...["--width", "0.0625", "--size", "32", "--batch", "4", "--phantom-images", "40"],
  ...["--seg-epochs", "2", "--joint-epochs", "2", "--eval-every", "1", "--crop", "none"],
];

/** Trains to the end, or until a line begins with `until`; then the process gets the signal. */
const train = (args: string[], until?: string, signal: NodeJS.Signals = "SIGINT") =>
  spawned(["train", ...args], (line, kill) => void (until && line.trim().startsWith(until) && kill(signal)));

/** What a run leaves, without times. */
function leftIn(folder: string) {
  const [last, best] = ["last", "best"].map((name) => readFileSync(path.join(folder, `${name}.safetensors`)));
  const lines = readFileSync(path.join(folder, "metrics.jsonl"), "utf8").trimEnd().split("\n");
  const records = lines.map((line) => line.replace(/"seconds":[\d.e-]+,"imagesPerSecond":[\d.e-]+/, ""));
  return { last: last!, best: best!, records };
}

let whole: ReturnType<typeof leftIn>;
beforeAll(async () => {
  const { code, err } = await train([...settings, "--out", at("whole")]);
  expect([code, err]).toEqual([0, []]);
  whole = leftIn(at("whole"));
}, COLD);

function expectSame(folder: string): void {
  const left = leftIn(folder);
  expect(left.records).toEqual(whole.records);
  expect(left.last.equals(whole.last), "the bytes of last.safetensors").toBe(true);
  expect(left.best.equals(whole.best), "the bytes of best.safetensors").toBe(true);
  expect(readdirSync(folder)).toEqual(readdirSync(at("whole")));
}

describe("a training", () => {
  test("that is interrupted in each stage ends with exit code 130 and goes on to the same bits", async () => {
    const folder = at("interrupted");
    let args = [...settings, "--out", folder];
    for (const [until, signal] of [
      ["segmentation 1/2", "SIGINT"],
      ["joint 1/2", "SIGTERM"],
    ] as const) {
      const { code, out, err } = await train(args, until, signal);
      expect(code).toBe(130);
      expect(err).toEqual(["", `${signal}: finishing the step and saving; once more to stop at once.`]);
      expect(out.at(-1)).toBe(`Stopped. Resume with:  npm run train -- --resume ${folder}`);
      args = ["--resume", folder];
    }
    expect(await train(args)).toMatchObject({ code: 0, err: [] });
    expectSame(folder);
  });

  test("that is killed at any instant leaves a whole checkpoint and goes on to the same bits", async () => {
    // Each new run has a folder of its own: one that was killed before its first checkpoint cannot go on.
    let runs = 1;
    let folder = at("killed-1");
    let args = [...settings, "--out", folder];
    // Milliseconds after the first line of an epoch or a stage; the line comes right before the epoch's checkpoint.
    const waits = [0, 40, 200];
    for (;;) {
      const wait = waits.shift();
      const ended = await spawned(["train", ...args], (line, kill) => {
        if (wait !== undefined && /^( +segmentation|Joint| +joint)/.test(line))
          void sleep(wait).then(() => kill("SIGKILL"));
      });
      if (ended.code === 0) break;
      expect(ended).toMatchObject({ signal: "SIGKILL", err: [] });
      args = ["--resume", folder];
      if (readdirSync(folder).includes("summary.json")) {
        // The signal came when all was done.
        folder = at(`killed-${++runs}`);
        args = [...settings, "--out", folder];
        continue;
      }
      if (readdirSync(folder).includes("last.safetensors")) continue;
      const { code, err } = await train(args);
      expect([code, err]).toEqual([
        2,
        [expect.stringMatching(/killed-\d+: the run ended before its first checkpoint/)],
      ]);
      folder = at(`killed-${++runs}`);
      args = [...settings, "--out", folder];
    }
    expectSame(folder);
    expect(await train(["--resume", folder])).toMatchObject({
      code: 2,
      err: [`Error: ${folder}: this run has finished`],
    });
  });

  test("that is interrupted before it begins leaves nothing", async () => {
    const { code, out } = await train([...settings, "--out", at("early")], "Preset");
    expect(code).toBe(130);
    expect(out.at(-1)).toBe("Stopped before training began.");
    expect(readdirSync(dir)).not.toContain("early");
  });
});

test("bad input shows a stack with --debug only, and has exit code 2 either way", async () => {
  const args = ["evaluate", at("missing")];
  const { code, err } = await spawned(args);
  expect([code, err]).toEqual([2, [`Error: ${at("missing")}: no such file or folder`]]);
  const debugged = await spawned([...args, "--debug"]);
  expect(debugged.code).toBe(2);
  expect(debugged.err.join("\n")).toMatch(/InputError: .*missing: no such file or folder\n +at /);
});

test("a reader that goes away does not stop the work", async () => {
  const child = spawn(program[0], [program[1], "doctor", "--json", at("doctor.json")], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  child.stdout.destroy();
  expect(await once(child, "close")).toEqual([0, null]);
  expect(readdirSync(dir)).toContain("doctor.json");
});
