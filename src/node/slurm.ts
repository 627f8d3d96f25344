/** Submits jobs to Slurm. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { oneLine } from "../data/sample.ts";
import { InputError } from "../runs/store.ts";
import { onInterrupt } from "./vulkan/interrupt.ts";

const run = promisify(execFile);

/** @throws InputError with what Slurm says, in one line */
async function slurm(program: string, args: readonly string[]): Promise<string> {
  try {
    return (await run(program, args)).stdout;
  } catch (error) {
    const { code, stderr = "", message } = error as Error & { code?: string | number; stderr?: string };
    if (code === "ENOENT") throw new InputError(`${program}: not found: this machine has no Slurm`, { cause: error });
    // Slurm's own names of where it stopped say nothing to its users.
    const said = oneLine((stderr.trim() === "" ? message : stderr).replaceAll(/^\w+: (error|fatal): /gm, ""));
    throw new InputError(`Slurm refuses: ${said}`, { cause: error });
  }
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
 * @throws InputError
 */
export async function submit(
  jobs: readonly Job[],
  accepted: (ids: readonly string[]) => Promise<void>,
): Promise<string[]> {
  const ids: string[] = [];
  let stopped = false;
  const dispose = onInterrupt(() => (stopped = true));
  const requireGoing = () => {
    if (stopped) throw new InputError("interrupted: nothing was submitted");
  };
  try {
    for (const { script, after } of jobs) {
      const waits = after === undefined ? [] : [`--dependency=afterany:${ids[after]!}`];
      const said = await slurm("sbatch", ["--parsable", "--hold", ...waits, script]);
      ids.push(said.trim().split(";")[0]!);
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
