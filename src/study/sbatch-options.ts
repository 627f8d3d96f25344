/** Which options of sbatch a user may pass on for a study's jobs: not those that the program sets itself, nor what changes the answer. */
import { ConfigError } from "../models/config-error.ts";

/** By name, with the short form, and the option to give in its place if there is one. */
interface Owned {
  name: string;
  short?: string;
  why: string;
}

const SETS = "the job scripts set it";
const ANSWER = "it changes what sbatch does or answers";
const always: readonly Owned[] = [
  { name: "array", short: "a", why: SETS },
  { name: "dependency", short: "d", why: SETS },
  { name: "job-name", short: "J", why: SETS },
  { name: "ntasks", short: "n", why: SETS },
  { name: "output", short: "o", why: SETS },
  { name: "open-mode", why: SETS },
  { name: "signal", why: SETS },
  { name: "requeue", why: SETS },
  { name: "no-requeue", why: SETS },
  { name: "hold", short: "H", why: SETS },
  { name: "parsable", why: SETS },
  { name: "clusters", short: "M", why: ANSWER },
  { name: "wait", short: "W", why: ANSWER },
  { name: "test-only", why: ANSWER },
  { name: "wrap", why: ANSWER },
  { name: "help", short: "h", why: ANSWER },
  { name: "usage", why: ANSWER },
  { name: "version", short: "V", why: ANSWER },
];

/** Short options without a value, behind which others may follow: -QW. */
const FLAGS = "hHIkOQsvVW";

/** Options of the program itself that say the same, and so cannot be given both ways. */
export type OwnOption = "partition" | "time" | "gpusPerTask";
const own: Readonly<Record<OwnOption, Owned>> = {
  partition: { name: "partition", short: "p", why: "--partition is given, too" },
  time: { name: "time", short: "t", why: "--time is given, too" },
  gpusPerTask: { name: "gpus-per-task", why: "--gpus-per-task is given, too" },
};

/** The words of a line as sbatch takes it apart: at spaces that are not quoted. */
export function wordsOf(line: string): string[] {
  const words = line.match(/(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*'|["'\\])+/g) ?? [];
  return words.map((word) =>
    word.replace(/\\(.)|"((?:[^"\\]|\\.)*)"|'([^']*)'|["']/g, (_, plain = "", double = "", single = "") =>
      [plain, double, single].join(""),
    ),
  );
}

/**
 * @param given which of the program's own options are given
 * @throws ConfigError for what would break the set of jobs
 */
export function requireOwnSbatch(text: string, given: readonly OwnOption[]): void {
  const refused = [...always, ...given.map((name) => own[name])];
  for (const word of wordsOf(text)) {
    const found = refused.find((option) => isMeant(word, option));
    if (found) throw new ConfigError(`leave out ${word}: ${found.why}`, "sbatch");
  }
}

/** Long names may be cut short, as getopt takes them; short ones stand in a row. */
function isMeant(word: string, { name, short }: Owned): boolean {
  const long = /^--([^=]+)/.exec(word)?.[1];
  if (long !== undefined) return name.startsWith(long);
  if (short === undefined || !/^-[^-]/.test(word)) return false;
  for (const letter of word.slice(1)) {
    if (letter === short) return true;
    if (!FLAGS.includes(letter)) return false;
  }
  return false;
}

/** Variables by which sbatch takes defaults that come before those of a script. */
const variables: Readonly<Record<string, OwnOption | undefined>> = {
  SBATCH_ARRAY_INX: undefined,
  SBATCH_CLUSTERS: undefined,
  SLURM_CLUSTERS: undefined,
  SBATCH_JOB_NAME: undefined,
  SBATCH_NO_REQUEUE: undefined,
  SBATCH_OPEN_MODE: undefined,
  SBATCH_OUTPUT: undefined,
  SBATCH_REQUEUE: undefined,
  SBATCH_SIGNAL: undefined,
  SBATCH_WAIT: undefined,
  SBATCH_PARTITION: "partition",
  SBATCH_TIMELIMIT: "time",
  SBATCH_GPUS_PER_TASK: "gpusPerTask",
};

/** Those that are set and would undo what the job scripts or the program's own options say: sbatch is not told of them. */
export const overridden = (env: Readonly<Record<string, string | undefined>>, given: readonly OwnOption[]): string[] =>
  Object.entries(variables).flatMap(([name, option]) =>
    env[name] !== undefined && (option === undefined || given.includes(option)) ? [name] : [],
  );
