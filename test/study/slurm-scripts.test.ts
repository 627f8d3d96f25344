/** The job scripts of Slurm: what they ask for, and what they do when a task is warned, ended or killed, run by bash with a made-up Slurm. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, test } from "vitest";
import { indexList, jobScripts, quoted, type JobsTask } from "../../src/study/slurm-scripts.ts";

const dir = mkdtempSync(path.join(tmpdir(), "mganet-slurm-scripts-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const task: JobsTask = {
  study: "/data/a study",
  command: "node mganet.mjs",
  args: ["--no-tuned"],
  shared: [0, 6],
  rows: [1, 2, 3, 7],
  options: {},
};

test("a list of numbers is as short as sbatch takes it, and every text is one word of a shell", () => {
  expect([[], [4], [1, 2, 3, 7, 9, 10]].map(indexList)).toEqual(["", "4", "1-3,7,9-10"]);
  expect(["plain-1.0", "two words", "it's"].map(quoted)).toEqual(["plain-1.0", "'two words'", "'it'\\''s'"]);
});

test("rows wait for the shared phases, and the tables for the rows; what there is nothing to do for has no job", () => {
  const names = (jobs: JobsTask) => jobScripts(jobs).map(({ file, after = "" }) => [file, after]);
  expect(names(task)).toEqual([
    ["slurm/shared.sh", ""],
    ["slurm/rows.sh", "shared"],
    ["slurm/tables.sh", "rows"],
  ]);
  expect(names({ ...task, shared: [] })).toEqual([
    ["slurm/rows.sh", ""],
    ["slurm/tables.sh", "rows"],
  ]);
  expect(names({ ...task, shared: [], rows: [] })).toEqual([["slurm/tables.sh", ""]]);
});

test("what the user asks of Slurm stands in each script, and a % of the folder's name is no pattern", () => {
  const options = { partition: "all", time: "4:00:00", gpusPerTask: 1, parallel: 2, sbatch: "--mem=8G --qos=low" };
  const [, rows, tables] = jobScripts({ ...task, study: "/data/100%", options });
  const asked = (text: string) => text.split("\n").filter((line) => line.startsWith("#SBATCH "));
  const common = [
    ...["--job-name=mganet-rows", "--ntasks=1", "--partition=all", "--time=4:00:00", "--gpus-per-task=1"],
    ...["--requeue", "--open-mode=append"],
  ];
  expect(asked(rows!.text)).toEqual(
    [
      ...common,
      "--array=1-3,7%2",
      "--output=/data/100%%/slurm/rows-%a.log",
      "--signal=B:USR1@120",
      "--mem=8G --qos=low",
    ].map((word) => `#SBATCH ${word}`),
  );
  expect(asked(tables!.text)).not.toContainEqual(expect.stringMatching(/array|signal/));
  expect(tables!.text).toMatch(/\nexec node mganet\.mjs study work \/data\/100% --only-tables --no-tuned\n$/);
});

describe.skipIf(process.platform === "win32")("a task of an array", () => {
  let runs = 0;

  /**
   * @param work what stands for the training, in bash
   * @param first what bash does before the script
   */
  async function run(
    work: string,
    { env = {}, signal, first = "" }: { env?: Record<string, string>; signal?: NodeJS.Signals; first?: string } = {},
  ) {
    const at = (name: string) => path.join(dir, `${runs}-${name}`);
    runs++;
    const file = (name: string, text: string) => {
      writeFileSync(at(name), `#!/bin/bash\n${text}\n`);
      chmodSync(at(name), 0o755);
      return at(name);
    };
    const command = file("work", `echo "$@"\n${work.replace("BEGUN", at("begun"))}`);
    const [script] = jobScripts({ ...task, study: "/study", command });
    // It refuses, so that the script does not wait to be ended.
    const scontrol = `scontrol() { echo "scontrol $*"; return 1; }\n`;
    // One stream, as in a job's log: two would be read in any order.
    const child = spawn("bash", ["-c", 'exec bash "$0" 2>&1', file("script", scontrol + first + script!.text)], {
      env: { ...process.env, SLURM_ARRAY_JOB_ID: "12", SLURM_ARRAY_TASK_ID: "6", ...env },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const said: string[] = [];
    child.stdout.on("data", (chunk: Buffer) => said.push(chunk.toString()));
    if (signal) {
      while (!existsSync(at("begun"))) await sleep(20);
      child.kill(signal);
    }
    const [code] = (await once(child, "close")) as [number];
    return { code, said: said.join("").trim().split("\n").filter(Boolean) };
  }

  const begins = "study work /study --run 6 --no-tables --no-tuned";
  const again = "scontrol requeue 12_6";
  /** Saves and ends when it is asked to, as `study work` does. */
  const saves = `trap 'sleep 0.1; exit 75' TERM; touch BEGUN; for i in $(seq 1000); do sleep 0.02; done`;

  test("trains the run of its number, and ends with its code", async () => {
    expect(await run("exit 0")).toEqual({ code: 0, said: [begins] });
    expect(await run("exit 1")).toEqual({ code: 1, said: [begins] });
  });

  test("that is warned of its time limit saves and is queued again; one that had no time says so", async () => {
    const late = { signal: "SIGUSR1" as const, env: { SECONDS: "500" } };
    expect(await run(saves, late)).toEqual({ code: 75, said: [begins, again] });
    expect(await run(saves, { signal: "SIGUSR1" })).toEqual({
      code: 1,
      said: [begins, "The time limit leaves nothing to train in: ask for more than 2 minutes (--time)."],
    });
  });

  test("that Slurm ends saves, and is not queued again by itself: it may have been cancelled", async () => {
    expect(await run(saves, { signal: "SIGTERM" })).toEqual({ code: 75, said: [begins] });
    // Before the script knows which process it has begun, which is at work by then.
    const early = `trap 'if [ "$BASH_COMMAND" = "work=\\$!" ]; then until [ -e "$0".begun ]; do sleep 0.02; done; kill -TERM $$; fi' DEBUG\n`;
    const begun = saves.replace("BEGUN", 'BEGUN "$(dirname "$0")/$(basename "$0" work)script.begun"');
    expect(await run(begun, { first: early })).toEqual({ code: 75, said: [begins] });
  });

  test("whose work is killed is queued again, but not for ever", async () => {
    const kills = "kill -KILL $$";
    const told = "The work was killed; it goes on from what it had saved.";
    const { code, said } = await run(kills);
    expect([code, said.filter((line) => !line.includes("Killed"))]).toEqual([137, [begins, told, again]]);
    const third = await run(kills, { env: { SLURM_RESTART_COUNT: "3" } });
    expect([third.code, third.said.filter((line) => !line.includes("Killed"))]).toEqual([137, [begins]]);
  });
});
