/** Jobs are submitted all or none, by programs that stand for Slurm's. */
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { requireSlurm, submit } from "../../src/node/slurm.ts";
import { InputError } from "../../src/runs/store.ts";
import { temporaryFolder } from "./data/images.ts";

const root = temporaryFolder();
let count = 0;

/** What was asked of which program, in order. */
let asked: () => string[];
/** Makes a program of a shell's lines. */
let program: (name: string, lines: string) => void;

beforeEach(() => {
  const dir = path.join(root, String(count++));
  mkdirSync(dir);
  asked = () => {
    const file = path.join(dir, "asked");
    return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
  };
  program = (name, lines) => {
    const file = path.join(dir, name);
    writeFileSync(file, `#!/bin/sh\necho "${name} $*" >> ${dir}/asked\n${lines}\n`);
    chmodSync(file, 0o755);
  };
  vi.stubEnv("PATH", dir);
});
afterEach(() => void vi.unstubAllEnvs());

const jobs = [{ script: "shared.sh" }, { script: "rows.sh", after: 0 }, { script: "tables.sh", after: 1 }];
/** Numbers jobs from 11 on, after what else it does with its last argument, `$script`. */
const sbatch = (also = "") =>
  program(
    "sbatch",
    `for script; do :; done\n${also}\ncase $script in shared.sh) echo "11;here";; rows.sh) echo 12;; *) echo 13;; esac`,
  );
const noted: string[][] = [];
const note = (ids: readonly string[]): Promise<void> => {
  noted.push([...ids]);
  return Promise.resolve();
};
const refusal = (done: Promise<unknown>): Promise<string> =>
  done.then(
    () => "done",
    (error: unknown) => (error instanceof InputError ? error.message : `unexpected: ${String(error)}`),
  );

describe.skipIf(process.platform === "win32")("jobs for Slurm", () => {
  test("are held until all are accepted and noted, each waiting for the one before", async () => {
    sbatch();
    program("scontrol", "");
    noted.length = 0;
    expect(await submit(jobs, note)).toEqual(["11", "12", "13"]);
    expect(noted).toEqual([["11", "12", "13"]]);
    expect(asked()).toEqual([
      "sbatch --parsable --hold shared.sh",
      "sbatch --parsable --hold --dependency=afterany:11 rows.sh",
      "sbatch --parsable --hold --dependency=afterany:12 tables.sh",
      ...["11", "12", "13"].map((id) => `scontrol release ${id}`),
    ]);
  });

  test("are taken back if one is refused, cannot be noted, or cannot be released", async () => {
    program("scancel", "");
    program("scontrol", `case $2 in 12) echo "slurm_suspend error: Access/permission denied" >&2; exit 1;; esac`);
    const said = `echo "sbatch: error: invalid partition specified: none" >&2; echo "sbatch: error: Batch job submission failed" >&2`;
    sbatch(`case $script in tables.sh) ${said}; exit 1;; esac`);
    expect(await refusal(submit(jobs, note))).toBe(
      "Slurm refuses: invalid partition specified: none; Batch job submission failed",
    );
    expect(asked().at(-1)).toBe("scancel 11 12");
    sbatch();
    expect(await refusal(submit(jobs, () => Promise.reject(new InputError("disk full"))))).toBe("disk full");
    expect(asked().at(-1)).toBe("scancel 11 12 13");
    expect(await refusal(submit(jobs, note))).toBe("Slurm refuses: slurm_suspend error: Access/permission denied");
    expect(asked().at(-1)).toBe("scancel 11 12 13");
  });

  test("are taken back if sbatch answers with something else than a number", async () => {
    program("scancel", "");
    sbatch(`case $script in rows.sh) echo "Job would start now"; exit 0;; esac`);
    expect(await refusal(submit(jobs, note))).toBe(`sbatch answers "Job would start now" in place of a job's number`);
    expect(asked().at(-1)).toBe("scancel 11");
  });

  test("are not interrupted in the middle, and not told of variables that would undo their scripts", async () => {
    program("scancel", "");
    program("scontrol", "");
    // In its own group, a program does not hear of Ctrl-C in the terminal.
    sbatch(`echo "group $(ps -o pgid= -p $$ | tr -d ' ') of $$, wait \${SBATCH_WAIT-none}" >> $(dirname $0)/groups`);
    vi.stubEnv("SBATCH_WAIT", "1");
    vi.stubEnv("PATH", `${process.env["PATH"]}:/usr/bin:/bin`);
    await submit(jobs.slice(0, 1), note, ["SBATCH_WAIT"]);
    const groups = path.join(root, String(count - 1), "groups");
    expect(readFileSync(groups, "utf8")).toMatch(/^group (\d+) of \1, wait none\n$/);
  });

  test("that cannot be taken back are named", async () => {
    sbatch("case $script in rows.sh) exit 1;; esac");
    program("scancel", `echo "scancel: error: Invalid job id" >&2; exit 1`);
    expect(await refusal(submit(jobs, note))).toMatch(
      /^Slurm refuses: .*; and jobs 11 could not be taken back: Slurm refuses: Invalid job id$/,
    );
  });

  test("need a Slurm that answers", async () => {
    expect(await refusal(requireSlurm())).toBe("sinfo: not found: this machine has no Slurm");
    program("sinfo", `echo "slurm_load_partitions: Unable to contact slurm controller (connect failure)" >&2; exit 1`);
    expect(await refusal(requireSlurm())).toBe(
      "Slurm refuses: slurm_load_partitions: Unable to contact slurm controller (connect failure)",
    );
    program("sinfo", "echo all");
    expect(await refusal(requireSlurm())).toBe("done");
  });
});
