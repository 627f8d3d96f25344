/** Several processes on this machine that work on one study, and what they do, for whoever waits. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdir, open, readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { packageRoot } from "../node/files.ts";
import { plural } from "../report/show.ts";
import type { StudyFolder } from "../runs/study-folder.ts";
import { failureText } from "../runs/study-retry.ts";
import { studyStatus, type RunStatus } from "../runs/study-status.ts";
import type { Group } from "../study/plan.ts";
import { interruptible } from "./interruptible.ts";
import { clock, Progress } from "./progress.ts";
import { LEFT } from "./study-work.ts";
import { titleOf } from "./study-status.ts";

export interface WorkersOptions {
  workers: number;
  /** Names of adapters, which the workers take in turn; empty: each takes the fastest. */
  adapters: readonly string[];
  /** Whether the adapter computes on the processor, whose cores the workers then share. */
  software: boolean;
  /** Further options of `study work`. */
  args: readonly string[];
  /** Called whenever a run has begun or ended. */
  onChange?: () => Promise<void>;
}

/** Where a worker's output goes, within the study's folder. */
const logOf = (worker: number): string => `workers/${worker + 1}.log`;

const LOOK_MS = 1000;
/** How often a worker that was killed is begun again: what is short of memory would be killed for ever. */
const RESTARTS = 3;

/**
 * Works on a study until all workers have ended; Ctrl-C or `kill` has them save and end. Should this process be killed, they do the same.
 * @returns the exit code: 0 all runs asked for are finished, 1 some are not, 130 or 129 interrupted
 */
export async function workWith(
  folder: StudyFolder,
  groups: readonly Group[],
  options: WorkersOptions,
): Promise<number> {
  const progress = new Progress();
  const crew = new Crew(folder, options, (line) => {
    progress.clear();
    progress.line(line);
  });
  const interrupt = interruptible("the workers finish their steps and save");
  const { signal } = interrupt;
  signal.addEventListener("abort", () => crew.stop());
  // A second Ctrl-C ends this process at once, and them with it: what they have saved is whole at any time.
  const killAll = () => crew.kill();
  process.once("exit", killAll);
  try {
    await mkdir(folder.store.path("workers"), { recursive: true });
    await watch(folder, progress, crew.work(), options.onChange);
  } catch (error) {
    crew.stop();
    await crew.ended();
    throw error;
  } finally {
    progress.stop();
    interrupt.dispose();
    process.off("exit", killAll);
  }
  if (signal.aborted) {
    console.log("Stopped. Run the same command to resume.");
    return interrupt.code();
  }
  await folder.refresh();
  const rows = groups.flatMap(({ runs }) => runs);
  const missing = (await studyStatus(folder)).filter(
    ({ place, state }) =>
      state !== "finished" &&
      rows.some(({ row, seed, fold }) => row === place.row && seed === place.seed && fold === place.fold),
  );
  if (missing.length === 0) return 0;
  console.error(
    `${plural(missing.length, "run")} of ${rows.length} ${missing.length === 1 ? "is" : "are"} not finished: ${missing.map(titleOf).join(", ")}. Run the same command to try again.`,
  );
  return 1;
}

/** How a process ended: its exit code, the signal that ended it, or why it could not begin. */
type End = { code: number } | { signal: string } | { error: string };

class Crew {
  readonly #folder: StudyFolder;
  readonly #options: WorkersOptions;
  readonly #say: (line: string) => void;
  readonly #children = new Set<ChildProcess>();
  #working: Promise<unknown> = Promise.resolve();
  #stopped = false;

  constructor(folder: StudyFolder, options: WorkersOptions, say: (line: string) => void) {
    this.#folder = folder;
    this.#options = options;
    this.#say = say;
  }

  /** Until all have ended. */
  work(): Promise<unknown> {
    this.#working = Promise.all(Array.from({ length: this.#options.workers }, (_, worker) => this.#keep(worker)));
    return this.#working;
  }

  /** Has all save and end. */
  stop(): void {
    this.#stopped = true;
    for (const child of this.#children) child.kill("SIGTERM");
  }

  kill(): void {
    this.#stopped = true;
    for (const child of this.#children) child.kill("SIGKILL");
  }

  ended(): Promise<unknown> {
    return this.#working.catch(() => {});
  }

  /** A worker, and whoever takes its place if it is killed. Every end but that of one with nothing left to do is told. */
  async #keep(worker: number): Promise<void> {
    const name = `Worker ${worker + 1}`;
    for (let restarts = 0; ; restarts++) {
      const end = await this.#run(worker);
      if (this.#stopped || ("code" in end && end.code === 0)) return;
      const last = await lastLine(this.#folder.store.path(logOf(worker)));
      const said = last === "" ? "" : `: ${last}`;
      if ("error" in end) return void this.#say(`${name} could not be started: ${end.error}`);
      if ("code" in end && end.code === LEFT) return void this.#say(`${name} was asked to end, and has saved`);
      // 1 and 2: it has said why, and another would say the same.
      if ("code" in end && end.code <= 2) return void this.#say(`${name} ended with exit code ${end.code}${said}`);
      const how = "signal" in end ? `was ended by ${end.signal}` : `ended with exit code ${end.code}${said}`;
      if (restarts === RESTARTS)
        return void this.#say(`${name} ${how}; it is not begun again, after ${RESTARTS} times`);
      this.#say(`${name} ${how}; another takes its place`);
    }
  }

  async #run(worker: number): Promise<End> {
    const { workers, adapters, software, args } = this.#options;
    const { store, study } = this.#folder;
    const adapter = adapters.length > 0 ? ["--adapter", adapters[worker % adapters.length]!] : [];
    const from = Math.floor((worker * study.runs.length) / workers);
    const script = path.join(packageRoot, "bin/mganet.mjs");
    const cores = Math.max(1, Math.floor(availableParallelism() / workers));
    const log = await open(store.path(logOf(worker)), "a");
    try {
      const child = spawn(
        process.execPath,
        [script, "study", "work", store.name, "--no-tables", "--from", String(from), ...adapter, ...args],
        {
          // Straight to the file, and no pipe of this process. By the channel they know that it lives.
          stdio: ["ignore", log.fd, log.fd, "ipc"],
          env: { ...process.env, ...(software ? { LP_NUM_THREADS: String(cores) } : {}) },
          // Ctrl-C reaches the whole group of the terminal: the workers hear of it from here only.
          detached: true,
        },
      );
      this.#children.add(child);
      return await new Promise<End>((resolve) => {
        child.once("error", ({ message }) => resolve({ error: message }));
        child.once("exit", (code, signal) => {
          this.#children.delete(child);
          resolve(signal === null ? { code: code ?? 1 } : { signal });
        });
      });
    } finally {
      await log.close();
    }
  }
}

/** Shows how the runs come along until the workers have ended. */
async function watch(
  folder: StudyFolder,
  progress: Progress,
  ended: Promise<unknown>,
  onChange: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const over = ended.then(() => true);
  const known = new Map((await studyStatus(folder)).map(({ index, state }) => [index, state]));
  for (let last = false; !last;) {
    last = await Promise.race([sleep(LOOK_MS, false), over]);
    await folder.refresh();
    const status = await studyStatus(folder);
    const now = status.filter(isEnded);
    const changed = status.filter(({ index, state }) => known.get(index) !== state);
    for (const run of changed) {
      known.set(run.index, run.state);
      if (!isEnded(run)) continue;
      progress.clear();
      progress.line(`[${now.length}/${status.length}] ${titleOf(run)}: ${endOf(run)}`);
    }
    if (changed.length > 0) await onChange();
    const running = status.filter(({ state }) => state === "running");
    progress.start("Runs", status.length, now.length);
    progress.update(now.length, running.map(titleOf).join(", "));
  }
}

const isEnded = ({ state }: RunStatus): boolean => state === "finished" || state === "failed";

const endOf = ({ state, failure, seconds }: RunStatus): string =>
  state === "failed" ? `FAILED ${failureText(failure!)}` : `finished  (${clock(seconds)})`;

/** What a worker said last; nothing if it said nothing. */
async function lastLine(file: string): Promise<string> {
  const lines = (await readFile(file, "utf8").catch(() => "")).trim().split("\n");
  return lines.findLast((line) => !line.startsWith("Warning: maxDynamic")) ?? "";
}
