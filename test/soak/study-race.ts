/** Processes that race for the runs of a study, which are of nothing, while some are killed: is each done, and once? */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { FolderStore } from "../../src/node/folder-store.ts";
import { StudyFolder } from "../../src/runs/study-folder.ts";
import { studyStatus } from "../../src/runs/study-status.ts";
import { PHANTOM, presetFor } from "../../src/train/config.ts";

export interface StudyRace {
  rounds: number;
  /** Runs that were begun after they had ended, or by two processes at once. */
  double: number;
  together: number;
  /** Runs that are not finished at the end, or not recorded as finished in study.json. */
  missing: number;
  unrecorded: number;
  /** Runs that a killed process had begun, and another one ended. */
  takenOver: number;
}

/** The lines that each process writes of each run into `LOG`. */
export const LOG = ".mganet-log";
export type Line = "begin" | "end" | "double" | "together";

/** Seeds of Table 3: each has a shared phase and five rows that wait for it. */
const SEEDS = 10;

/** @param processes of which one is killed in each round, at a random instant, and begins again */
export async function studyRace(rounds: number, processes = 8): Promise<StudyRace> {
  const root = mkdtempSync(path.join(tmpdir(), "mganet-study-race-"));
  const result: StudyRace = { rounds, double: 0, together: 0, missing: 0, unrecorded: 0, takenOver: 0 };
  const workers = await Promise.all(Array.from({ length: processes }, start));
  try {
    for (let round = 0; round < rounds; round++) {
      const dir = path.join(root, String(round));
      await makeStudy(dir);
      const asked = workers.map((worker) => ask(worker, dir));
      const victim = round % processes;
      const killed = workers[victim]!;
      const timer = setTimeout(() => killed.kill("SIGKILL"), 1000 * Math.random());
      await asked[victim]!;
      clearTimeout(timer);
      if (killed.exitCode !== null || killed.signalCode !== null) {
        workers[victim] = await start();
        await ask(workers[victim], dir);
      }
      await Promise.all(asked);
      await count(dir, result);
      rmSync(dir, { recursive: true });
    }
  } finally {
    for (const worker of workers) worker.kill("SIGKILL");
    rmSync(root, { recursive: true, force: true });
  }
  return result;
}

async function makeStudy(dir: string): Promise<void> {
  const config = presetFor("quick", PHANTOM);
  const seeds = Array.from({ length: SEEDS }, (_, seed) => seed);
  const folder = await StudyFolder.open(
    new FolderStore(dir),
    { config, tables: [3], seeds, checkpoint: "last" },
    (a, b) => a === b,
  );
  await folder.save({ sides: ["val"], data: "nothing" });
}

async function count(dir: string, result: StudyRace): Promise<void> {
  const folder = await StudyFolder.existing(new FolderStore(dir));
  for (const { state, dir: run } of await studyStatus(folder)) {
    if (state !== "finished") result.missing++;
    if (folder.study.runs.find((noted) => noted.dir === run)!.state !== "finished") result.unrecorded++;
    const lines = readFileSync(path.join(dir, run, LOG), "utf8")
      .trim()
      .split("\n");
    const times = (what: Line) => lines.filter((line) => line === what).length;
    result.double += times("double");
    result.together += times("together");
    if (times("begin") > 1) result.takenOver++;
  }
}

async function start(): Promise<ChildProcess> {
  const script = fileURLToPath(new URL("study-contender.ts", import.meta.url));
  const child = fork(script, { execArgv: ["--import", "tsx"], stdio: ["ignore", "inherit", "inherit", "ipc"] });
  await once(child, "message");
  return child;
}

/** Lets a worker loose on a study, and waits until it finds nothing more to do, or is killed. */
async function ask(worker: ChildProcess, dir: string): Promise<void> {
  if (worker.exitCode !== null || worker.signalCode !== null) return;
  const over = new AbortController();
  const ended = [once(worker, "message", over), once(worker, "exit", over)];
  worker.send(dir);
  await Promise.race(ended);
  over.abort();
  await Promise.allSettled(ended);
}
