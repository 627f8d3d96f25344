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
/** How often a task whose work was killed is begun again: what is short of memory would be killed for ever. */
const RESTARTS = 3;

function header(task: JobsTask, name: JobScript["name"], more: readonly string[]): string {
  const { partition, time, gpusPerTask, sbatch } = task.options;
  const words = [
    `--job-name=mganet-${name}`,
    "--ntasks=1",
    ...(partition === undefined ? [] : [`--partition=${quoted(partition)}`]),
    ...(time === undefined ? [] : [`--time=${quoted(time)}`]),
    ...(gpusPerTask === undefined ? [] : [`--gpus-per-task=${gpusPerTask}`]),
    "--requeue",
    "--open-mode=append",
    ...more,
    ...(sbatch === undefined ? [] : [sbatch]),
  ];
  return ["#!/bin/bash", ...words.map((word) => `#SBATCH ${word}`)].join("\n");
}

/** A job's log; sbatch has a meaning of its own for %. */
const logOf = (study: string, name: string): string =>
  `--output=${quoted(`${study.replaceAll("%", "%%")}/slurm/${name}.log`)}`;

/**
 * Each task trains the run of its number.
 *
 * Two kinds of ends are told apart. The warning before the time limit, USR1, comes to the script: the task saves and queues itself again.
 * TERM is Slurm ending the task: the task saves, and Slurm alone knows whether it is to begin again (requeued, pre-empted) or not (cancelled).
 */
function arrayScript(task: JobsTask, name: "shared" | "rows", numbers: readonly number[]): JobScript {
  const { study, command, args, options } = task;
  const most = options.parallel === undefined ? "" : `%${options.parallel}`;
  const more = [
    `--array=${indexList(numbers)}${most}`,
    logOf(study, `${name}-%a`),
    `--signal=B:USR1@${WARNING_SECONDS}`,
  ];
  const words = [command, "study work", quoted(study), "--run", '"$SLURM_ARRAY_TASK_ID"', "--no-tables", ...args];
  const text = `${header(task, name, more)}

why= asked= work=
end_work() { asked=yes; if [ -n "$work" ]; then kill -TERM "$work" 2>/dev/null; fi; }
trap 'why=time; end_work' USR1
trap end_work TERM INT
${words.join(" ")} &
work=$!
# A signal may have come before the work had its name.
if [ -n "$asked" ]; then end_work; fi
wait "$work"
# A signal ends the wait, not the work.
while kill -0 "$work" 2>/dev/null; do wait "$work"; done
wait "$work"; code=$?
# 75: it was asked to end, has saved, and goes on bit for bit when it is begun again.
if [ "$code" -ne 75 ]; then why=; fi
if [ "$why" = time ] && [ "$SECONDS" -lt ${WARNING_SECONDS} ]; then
  echo "The time limit leaves nothing to train in: ask for more than ${WARNING_SECONDS / 60} minutes (--time)." >&2
  exit 1
fi
# 137: it was killed, as where memory is short; what it had saved is there.
if [ "$code" -eq 137 ] && [ "\${SLURM_RESTART_COUNT:-0}" -lt ${RESTARTS} ]; then
  echo "The work was killed; it goes on from what it had saved." >&2
  why=killed
fi
if [ -n "$why" ]; then
  # Slurm ends this script as it queues the task again.
  scontrol requeue "\${SLURM_ARRAY_JOB_ID}_\${SLURM_ARRAY_TASK_ID}" && sleep 60
fi
exit "$code"
`;
  return { file: `slurm/${name}.sh`, name, text };
}

/** Writes the tables and the report, or says what is missing. */
function tablesScript(task: JobsTask): JobScript {
  const { study, command, args } = task;
  const words = [command, "study work", quoted(study), "--only-tables", ...args].join(" ");
  const text = `${header(task, "tables", [logOf(study, "tables")])}\n\nexec ${words}\n`;
  return { file: "slurm/tables.sh", name: "tables", text };
}
