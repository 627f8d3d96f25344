/** Hands a study to Slurm: writes its job scripts and submits them. */
import { mkdir } from "node:fs/promises";
import path from "node:path";
import * as z from "zod";
import { commandLine } from "../node/command-line.ts";
import { packageRoot, writeWhole } from "../node/files.ts";
import { queued, requireSlurm, submit } from "../node/slurm.ts";
import { plural } from "../report/show.ts";
import { InputError, readJson, toJson } from "../runs/store.ts";
import type { StudyFolder } from "../runs/study-folder.ts";
import { unfinishedIndices } from "../runs/study-status.ts";
import { jobScripts, quoted, type JobScript, type SlurmOptions } from "../study/slurm-scripts.ts";

/** Options of `reproduce` that need --slurm. */
export interface SlurmFlags {
  slurm?: boolean;
  partition?: string;
  time?: string;
  gpusPerTask?: number;
  arrayParallelism?: number;
  sbatch?: string;
}

/** Numbers of the submitted jobs, in the study's folder. */
const JOBS = "slurm/jobs.json";
const jobsSchema = z.object({ jobs: z.array(z.string().regex(/^\d+$/)) });

export const slurmNames = ["partition", "time", "gpusPerTask", "arrayParallelism", "sbatch"] as const;

/** The scripts of what the study still has to do. */
export async function scriptsFor(
  folder: StudyFolder,
  flags: SlurmFlags,
  args: readonly string[],
): Promise<JobScript[]> {
  const { partition, time, gpusPerTask, arrayParallelism, sbatch } = flags;
  const options: SlurmOptions = {
    ...(partition === undefined ? {} : { partition }),
    ...(time === undefined ? {} : { time }),
    ...(gpusPerTask === undefined ? {} : { gpusPerTask }),
    ...(arrayParallelism === undefined ? {} : { parallel: arrayParallelism }),
    ...(sbatch === undefined ? {} : { sbatch }),
  };
  if (Object.values(options).some((value) => /[\n\r]/.test(String(value))))
    throw new InputError("options of sbatch are one line");
  const command = [process.execPath, path.join(packageRoot, "bin/mganet.mjs")].map(quoted).join(" ");
  const study = path.resolve(folder.store.name);
  return jobScripts({ study, command, args: args.map(quoted), options, ...(await unfinishedIndices(folder)) });
}

/**
 * Writes the scripts into the study's folder and submits them.
 * @throws InputError if Slurm refuses, or still has jobs of this study; then nothing is submitted
 */
export async function submitStudy(folder: StudyFolder, scripts: readonly JobScript[]): Promise<void> {
  const { store } = folder;
  await requireSlurm();
  await requireNoneQueued(folder);
  await mkdir(store.path("slurm"), { recursive: true });
  for (const { file, text } of scripts) await writeWhole(store.path(file), text);
  const names = scripts.map(({ name }) => name);
  const jobs = scripts.map(({ file, after }) => ({
    script: path.resolve(store.path(file)),
    after: after && names.indexOf(after),
  }));
  const ids = await submit(jobs, (accepted) => store.write(JOBS, toJson({ jobs: accepted })));
  console.log(
    `Submitted ${plural(ids.length, "job")} to Slurm: ${ids.map((id, i) => `${id} (${names[i]!})`).join(", ")}`,
  );
  console.log(`How far it is: ${commandLine("study status", store.name)}; logs and scripts: ${store.path("slurm")}`);
}

async function requireNoneQueued({ store }: StudyFolder): Promise<void> {
  if (!(await store.exists(JOBS))) return;
  const { data } = jobsSchema.safeParse(await readJson(store, JOBS));
  const still = data ? await queued(data.jobs) : [];
  if (still.length === 0) return;
  const ids = still.join(" ");
  throw new InputError(`${store.name}: jobs ${ids} of this study are still queued or running; scancel ${ids} first`);
}
