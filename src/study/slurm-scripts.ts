/** The job scripts by which Slurm works on a study: an array of shared phases, an array of rows that waits for it, and the tables. */

/** What a user asks of Slurm. */
export interface SlurmOptions {
  partition?: string;
  /** Such as "4:00:00": as sbatch takes it. */
  time?: string;
  gpusPerTask?: number;
  /** How many tasks of an array run at once. */
  parallel?: number;
  /** Further options of sbatch, as one text. */
  sbatch?: string;
}

export interface JobScript {
  /** Its file within the study's folder. */
  file: string;
  name: "shared" | "rows" | "tables";
  text: string;
  /** Waits for the end of this job, however it ends. */
  after?: "shared" | "rows";
}

export interface JobsTask {
  /** The study's folder, absolute: every node must see it there. */
  study: string;
  /** The command that runs this program, quoted for a shell. */
  command: string;
  /** Further options of `study work`, quoted. */
  args: readonly string[];
  /** Numbers of the unfinished runs in study.json. */
  shared: readonly number[];
  rows: readonly number[];
  options: SlurmOptions;
}

/** A text as one word of a shell. */
export const quoted = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;

/** [1, 2, 3, 7] as "1-3,7". */
export function indexList(numbers: readonly number[]): string {
  const parts: string[] = [];
  for (let i = 0; i < numbers.length;) {
    let end = i;
    while (numbers[end + 1] === numbers[end]! + 1) end++;
    parts.push(end === i ? `${numbers[i]}` : `${numbers[i]}-${numbers[end]}`);
    i = end + 1;
  }
  return parts.join(",");
}

/** The scripts of what there is to do, in the order in which they are submitted. */
export function jobScripts(task: JobsTask): JobScript[] {
  const { shared, rows } = task;
  const scripts: JobScript[] = [];
  if (shared.length > 0) scripts.push(arrayScript(task, "shared", shared));
  if (rows.length > 0) {
    scripts.push({ ...arrayScript(task, "rows", rows), ...(shared.length > 0 ? { after: "shared" as const } : {}) });
  }
  const last = scripts.at(-1)?.name;
  scripts.push({ ...tablesScript(task), ...(last === "shared" || last === "rows" ? { after: last } : {}) });
  return scripts;
}

/** Seconds before a time limit at which Slurm warns a task, which then saves and has itself queued again. */
const WARNING_SECONDS = 120;

function header(task: JobsTask, name: JobScript["name"], more: readonly string[]): string {
  const { partition, time, gpusPerTask, sbatch } = task.options;
  const words = [
    `--job-name=mganet-${name}`,
    "--ntasks=1",
    ...(partition === undefined ? [] : [`--partition=${partition}`]),
    ...(time === undefined ? [] : [`--time=${time}`]),
    ...(gpusPerTask === undefined ? [] : [`--gpus-per-task=${gpusPerTask}`]),
    "--requeue",
    "--open-mode=append",
    ...more,
    ...(sbatch === undefined ? [] : [sbatch]),
  ];
  return ["#!/bin/bash", ...words.map((word) => `#SBATCH ${word}`)].join("\n");
}

/** Each task trains the run of its number. One that is asked to end saves, and is queued again. */
function arrayScript(task: JobsTask, name: "shared" | "rows", numbers: readonly number[]): JobScript {
  const { study, command, args, options } = task;
  const most = options.parallel === undefined ? "" : `%${options.parallel}`;
  const log = quoted(`${study}/slurm/${name}-%a.log`);
  const more = [`--array=${indexList(numbers)}${most}`, `--output=${log}`, `--signal=B:TERM@${WARNING_SECONDS}`];
  const words = [command, "study work", quoted(study), "--run", '"$SLURM_ARRAY_TASK_ID"', "--no-tables", ...args].join(
    " ",
  );
  const text = `${header(task, name, more)}

# 75: it was asked to end, has saved, and goes on bit for bit when it is started again.
${words} &
work=$!
trap 'kill -TERM "$work" 2>/dev/null' TERM INT
wait "$work"; code=$?
# A signal ends the wait, not the work.
while [ "$code" -gt 128 ]; do
  wait "$work" 2>/dev/null; again=$?
  if [ "$again" -eq 127 ]; then break; fi
  code=$again
done
if [ "$code" -eq 75 ]; then
  scontrol requeue "\${SLURM_ARRAY_JOB_ID}_\${SLURM_ARRAY_TASK_ID}"
  # Slurm ends this job as it queues it again.
  sleep 60
fi
exit "$code"
`;
  return { file: `slurm/${name}.sh`, name, text };
}

/** Writes the tables and the report, or says what is missing. */
function tablesScript(task: JobsTask): JobScript {
  const { study, command, args } = task;
  const more = [`--output=${quoted(`${study}/slurm/tables.log`)}`];
  const words = [command, "study work", quoted(study), "--only-tables", ...args].join(" ");
  return { file: "slurm/tables.sh", name: "tables", text: `${header(task, "tables", more)}\n\nexec ${words}\n` };
}
