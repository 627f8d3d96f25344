/** Several processes on this machine that work on one study, and what they do, for whoever waits. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { packageRoot } from "../node/files.ts";
import type { StudyFolder } from "../runs/study-folder.ts";
import { studyStatus, type RunStatus } from "../runs/study-status.ts";
import { interruptible } from "./interruptible.ts";
import { clock, Progress } from "./progress.ts";
import { titleOf } from "./study-status.ts";

export interface WorkersOptions {
  workers: number;
  /** Names of adapters, which the workers take in turn; empty: each takes the fastest. */
  adapters: readonly string[];
  /** Whether the adapter computes on the processor, whose cores the workers then share. */
  software: boolean;
  /** Further options of `study work`. */
  args: readonly string[];
}

/** Where a worker's output goes, within the study's folder. */
const logOf = (worker: number): string => `workers/${worker + 1}.log`;

const LOOK_MS = 1000;

/**
 * Works on a study until all workers have ended; Ctrl-C has them save and end.
 * @returns the exit code: 0 all runs are finished, 1 some have failed or a worker has, 130 or 129 interrupted
 */
export async function workWith(folder: StudyFolder, options: WorkersOptions): Promise<number> {
  const { workers } = options;
  await mkdir(folder.store.path("workers"), { recursive: true });
  const interrupt = interruptible("the workers finish their steps and save");
  const children = Array.from({ length: workers }, (_, i) => startWorker(folder, i, options));
  const ends = children.map(({ ended }) => ended);
  interrupt.signal.addEventListener("abort", () => {
    for (const { child } of children) child.kill("SIGTERM");
  });
  try {
    await watch(folder, Promise.all(ends));
  } finally {
    interrupt.dispose();
  }
  const codes = await Promise.all(ends);
  if (interrupt.signal.aborted) {
    console.log("Stopped. Run the same command to resume.");
    return interrupt.code();
  }
  for (const [i, code] of codes.entries()) {
    if (code === 0) continue;
    console.error(`Worker ${i + 1} ended with ${code}: ${await lastLine(folder.store.path(logOf(i)))}`);
  }
  const status = await studyStatus(folder);
  return status.every(({ state, place }) => state === "finished" || place.row === null) ? 0 : 1;
}

interface WorkerProcess {
  child: ChildProcess;
  /** Its exit code, or the signal that ended it. */
  ended: Promise<number | string>;
}

function startWorker(folder: StudyFolder, worker: number, options: WorkersOptions): WorkerProcess {
  const { workers, adapters, software, args } = options;
  const adapter = adapters.length > 0 ? ["--adapter", adapters[worker % adapters.length]!] : [];
  const from = Math.floor((worker * folder.study.runs.length) / workers);
  const script = path.join(packageRoot, "bin/mganet.mjs");
  const cores = Math.max(1, Math.floor(availableParallelism() / workers));
  const child = spawn(
    process.execPath,
    [script, "study", "work", folder.store.name, "--no-tables", "--from", String(from), ...adapter, ...args],
    {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...(software ? { LP_NUM_THREADS: String(cores) } : {}) },
      // Ctrl-C reaches the whole group of the terminal: the workers hear of it from here only.
      detached: true,
    },
  );
  const log = createWriteStream(folder.store.path(logOf(worker)), { flags: "a" });
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  const ended = once(child, "close").then((how) => {
    const [code, signal] = how as [number | null, string | null];
    log.end();
    return code ?? signal ?? 1;
  });
  return { child, ended };
}

/** Shows how the runs come along until the workers have ended. */
async function watch(folder: StudyFolder, ended: Promise<unknown>): Promise<void> {
  const progress = new Progress();
  const over = ended.then(() => true);
  let known = new Set((await studyStatus(folder)).filter(isEnded).map(({ index }) => index));
  try {
    for (let last = false; !last;) {
      last = await Promise.race([sleep(LOOK_MS, false, { ref: false }), over]);
      const status = await studyStatus(folder);
      const now = status.filter(isEnded);
      for (const run of now.filter(({ index }) => !known.has(index))) {
        progress.clear();
        progress.line(`[${now.length}/${status.length}] ${titleOf(run)}: ${endOf(run)}`);
      }
      known = new Set(now.map(({ index }) => index));
      const running = status.filter(({ state }) => state === "running");
      progress.start("Runs", status.length, now.length);
      progress.update(now.length, running.map(titleOf).join(", "));
    }
  } finally {
    progress.stop();
  }
}

const isEnded = ({ state }: RunStatus): boolean => state === "finished" || state === "failed";

const endOf = ({ state, failure, seconds }: RunStatus): string =>
  state === "failed" ? `FAILED on ${failure!.host}: ${failure!.message}` : `finished  (${clock(seconds)})`;

/** What a worker said last; nothing if it said nothing. */
async function lastLine(file: string): Promise<string> {
  const text = await readFile(file, "utf8").catch(() => "");
  return text.trim().split("\n").at(-1) ?? "";
}
