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
import { overridden, requireOwnSbatch, type OwnOption } from "../study/sbatch-options.ts";
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
  if (sbatch !== undefined) requireOwnSbatch(sbatch, givenOf(flags));
  if (Object.values(options).some((value) => /[\n\r]/.test(String(value))))
    throw new InputError("options of sbatch are one line");
  const command = [process.execPath, path.join(packageRoot, "bin/mganet.mjs")].map(quoted).join(" ");
  const study = path.resolve(folder.store.name);
  return jobScripts({ study, command, args: args.map(quoted), options, ...(await unfinishedIndices(folder)) });
}

const givenOf = (flags: SlurmFlags): OwnOption[] =>
  (["partition", "time", "gpusPerTask"] as const).filter((name) => flags[name] !== undefined);

export interface Submission {
  flags: SlurmFlags;
  /** Another attempt at what has failed. */
  attempt: { mend: () => Promise<void>; forget: () => Promise<void> };
}

/**
 * Writes the scripts into the study's folder and submits them. Only when Slurm has accepted all is study.json written, and is forgotten
 * why runs have failed.
 * @throws InputError if Slurm refuses, or still has jobs of this study; then nothing is submitted
 */
export async function submitStudy(
  folder: StudyFolder,
  scriptsOf: () => Promise<JobScript[]>,
  submission: Submission,
): Promise<void> {
  const { store } = folder;
  // Options that are refused, before Slurm is asked for anything.
  await scriptsOf();
  await requireSlurm();
  await requireNoneQueued(folder);
  const isNew = !(await folder.isThere());
  try {
    await submission.attempt.mend();
    await submitScripts(folder, scriptsOf, submission);
  } catch (error) {
    // What would keep the same command from beginning here again.
    if (isNew && !(await folder.isThere())) {
      for (const { file } of await scriptsOf()) await store.remove(file);
      await store.folder("slurm").removeIfEmpty();
      await store.removeIfEmpty();
    }
    throw error;
  }
}

async function submitScripts(
  folder: StudyFolder,
  scriptsOf: () => Promise<JobScript[]>,
  { flags, attempt }: Submission,
): Promise<void> {
  const { store } = folder;
  const without = overridden(process.env, givenOf(flags));
  for (const name of without)
    console.log(`note: ${name} is set, and not passed on: the study's jobs say that themselves`);
  const scripts = await scriptsOf();
  await mkdir(store.path("slurm"), { recursive: true });
  for (const { file, text } of scripts) await writeWhole(store.path(file), text);
  const names = scripts.map(({ name }) => name);
  const jobs = scripts.map(({ file, after }) => ({
    script: path.resolve(store.path(file)),
    after: after && names.indexOf(after),
  }));
  const accepted = async (ids: readonly string[]) => {
    await folder.save();
    // Tasks name runs by their numbers in study.json.
    if (texts(await scriptsOf()) !== texts(scripts)) {
      throw new InputError(`${store.name}: another command has changed the study meanwhile; run this one again`);
    }
    await store.write(JOBS, toJson({ jobs: ids }));
    await attempt.forget();
  };
  const ids = await submit(jobs, accepted, without);
  console.log(
    `Submitted ${plural(ids.length, "job")} to Slurm: ${ids.map((id, i) => `${id} (${names[i]!})`).join(", ")}`,
  );
  console.log(`How far it is: ${commandLine("study status", store.name)}; logs and scripts: ${store.path("slurm")}`);
}

const texts = (scripts: readonly JobScript[]): string => scripts.map(({ text }) => text).join("\n");

async function requireNoneQueued({ store }: StudyFolder): Promise<void> {
  if (!(await store.exists(JOBS))) return;
  const { data } = jobsSchema.safeParse(await readJson(store, JOBS));
  const still = data ? await queued(data.jobs) : [];
  if (still.length === 0) return;
  const ids = still.join(" ");
  throw new InputError(`${store.name}: jobs ${ids} of this study are still queued or running; scancel ${ids} first`);
}
