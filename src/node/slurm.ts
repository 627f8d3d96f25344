/** Submits jobs to Slurm. */
import { spawn } from "node:child_process";
import { oneLine } from "../data/sample.ts";
import { InputError } from "../runs/store.ts";
import { onInterrupt } from "./vulkan/interrupt.ts";

/** @throws InputError with what Slurm says, in one line */
async function slurm(program: string, args: readonly string[], env = process.env): Promise<string> {
  let ended;
  try {
    ended = await run(program, args, env);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === "ENOENT" ? "not found: this machine has no Slurm" : message;
    throw new InputError(`${program}: ${why}`, { cause: error });
  }
  const { code, stdout, stderr } = ended;
  if (code === 0) return stdout;
  // Slurm's own names of where it stopped say nothing to its users.
  const said = stderr.trim() === "" ? `${program} ended with ${code}` : stderr;
  throw new InputError(`Slurm refuses: ${oneLine(said.replaceAll(/^\w+: (error|fatal): /gm, ""))}`);
}

/**
 * In a group of its own: Ctrl-C in a terminal would otherwise end a program that has handed over a job before it could say the job's number.
 */
function run(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ code: number | string; stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code: code ?? signal ?? 1, stdout, stderr }));
  });
}

/** @throws InputError if there is no Slurm that answers */
export async function requireSlurm(): Promise<void> {
  await slurm("sinfo", ["--noheader", "--format=%P"]);
}

/** Which of these jobs are still queued or running. Slurm forgets those that have ended. */
export async function queued(ids: readonly string[]): Promise<string[]> {
  const list = await slurm("squeue", ["--noheader", "--format=%A %F"]);
  const known = new Set(list.split(/\s+/));
  return ids.filter((id) => known.has(id));
}

export interface Job {
  /** The script's file. */
  script: string;
  /** Index, in the list, of the job whose end it waits for. */
  after?: number | undefined;
}

/**
 * Submits jobs, all or none: they are held until the last one is accepted, and taken back if one is refused, or on Ctrl-C.
 * @param accepted is told their numbers before any of them can begin; if it fails, they are taken back
 * @param without variables of the environment that sbatch is not told of
 * @throws InputError
 */
export async function submit(
  jobs: readonly Job[],
  accepted: (ids: readonly string[]) => Promise<void>,
  without: readonly string[] = [],
): Promise<string[]> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !without.includes(name)));
  const ids: string[] = [];
  let stopped = false;
  const dispose = onInterrupt(() => (stopped = true));
  const requireGoing = () => {
    if (stopped) throw new InputError("interrupted: nothing was submitted");
  };
  try {
    for (const { script, after } of jobs) {
      const waits = after === undefined ? [] : [`--dependency=afterany:${ids[after]!}`];
      const said = await slurm("sbatch", ["--parsable", "--hold", ...waits, script], env);
      const [id = ""] = said.trim().split(";");
      if (!/^\d+$/.test(id)) throw new InputError(`sbatch answers "${oneLine(said)}" in place of a job's number`);
      ids.push(id);
      requireGoing();
    }
    await accepted(ids);
    requireGoing();
    for (const id of ids) await slurm("scontrol", ["release", id]);
    return ids;
  } catch (error) {
    if (ids.length > 0) await takeBack(ids, error);
    throw error;
  } finally {
    dispose();
  }
}

/** @throws InputError if Slurm keeps them */
async function takeBack(ids: readonly string[], why: unknown): Promise<void> {
  try {
    await slurm("scancel", ids);
  } catch (error) {
    const both = `${(why as Error).message}; and jobs ${ids.join(" ")} could not be taken back: ${(error as Error).message}`;
    throw new InputError(both, { cause: error });
  }
}
