/** A study handed to a real Slurm: tasks that are killed and queued again come to the bits of one undisturbed process. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { noSlurm, startSlurm, type Slurm } from "../support/slurm.ts";
import { COLD, spawned } from "./spawned.ts";
import { temporaryFolder, tiny } from "./support.ts";

const reason = noSlurm();
if (reason !== undefined) console.warn(`Left out: studies on Slurm: ${reason}`);

const dir = temporaryFolder();
const at = (...names: string[]) => path.join(dir, ...names);
const asked = [...tiny, "--joint-epochs", "4", "--table", "3", "--seeds", "2", "--save-every", "0.2s"];
const study = (name: string, ...more: string[]) => spawned(["reproduce", ...asked, "--out", at(name), ...more]);

const slurm = (program: string, ...args: string[]): string => execFileSync(program, args, { encoding: "utf8" });
/** The jobs that Slurm has yet to end. */
const queue = () => slurm("squeue", "--noheader", "--format=%i %T").trim().split("\n").filter(Boolean);

/** Waits for what may take as long as compiling every shader first. */
async function until<T>(what: string, look: () => T | undefined): Promise<T> {
  const begun = performance.now();
  for (;;) {
    const found = look();
    if (found !== undefined) return found;
    if (performance.now() - begun > COLD) throw new Error(`waited in vain for ${what}; ${queue().join(", ")}`);
    await sleep(50);
  }
}

interface Noted {
  runs: { row: string | null; seed: number; dir: string }[];
}
const runsOf = (name: string) => (JSON.parse(readFileSync(at(name, "study.json"), "utf8")) as Noted).runs;

/** A run that is in the middle of its training, its number, and the process that trains it. */
const training = (name: string, row: string | null, seed: number) =>
  until(`${row} ${seed}`, () => {
    const index = runsOf(name).findIndex((run) => run.row === row && run.seed === seed);
    const run = at(name, runsOf(name)[index]!.dir);
    if (!existsSync(path.join(run, "last.safetensors"))) return undefined;
    if (existsSync(path.join(run, "summary.json"))) throw new Error(`${run} ended before it could be disturbed`);
    try {
      return { index, ...(JSON.parse(readFileSync(path.join(run, ".mganet-lock"), "utf8")) as { pid: number }) };
    } catch {
      return undefined; // Between two processes.
    }
  });

/** What must not depend on how a study was trained. */
function left(name: string): Map<string, string> {
  const files = (readdirSync(at(name), { recursive: true }) as string[]).sort();
  const kept = files.filter((file) => /(\.safetensors|predictions\.json|table-3\.(md|csv)|split\.json)$/.test(file));
  return new Map(kept.map((file) => [file, readFileSync(at(name, file)).toString("base64")]));
}

describe.skipIf(reason !== undefined)("a study on Slurm", () => {
  let cluster: Slurm;
  beforeAll(async () => {
    // Sockets have short names.
    cluster = await startSlurm(mkdtempSync(path.join(tmpdir(), "slurm-")));
    for (const [name, value] of Object.entries(cluster.env)) vi.stubEnv(name, value);
  }, 120_000);
  afterAll(() => {
    const jobs = queue().map((line) => line.split(" ")[0]!);
    if (jobs.length > 0) slurm("scancel", "--full", "--signal=KILL", ...jobs);
    cluster.stop();
    vi.unstubAllEnvs();
  });

  test(
    "has the table and the bits of one process, though a task is killed and another one queued again",
    async () => {
      const whole = await study("whole");
      expect([whole.code, whole.err]).toEqual([0, []]);

      const { code, out, err } = await study("jobs", "--slurm", "--array-parallelism", "2");
      expect([code, err]).toEqual([0, []]);
      expect(out).toContainEqual(
        expect.stringMatching(/^Submitted 3 jobs to Slurm: \d+ \(shared\), \d+ \(rows\), \d+ \(tables\)$/),
      );
      const { jobs } = JSON.parse(readFileSync(at("jobs", "slurm/jobs.json"), "utf8")) as { jobs: string[] };
      // Nobody submits it twice.
      const twice = await study("jobs", "--slurm");
      expect([twice.code, twice.err]).toEqual([
        2,
        [expect.stringMatching(/of this study are still queued or running/)],
      ]);

      const killed = await training("jobs", "base", 0);
      process.kill(killed.pid, "SIGKILL");
      const again = await training("jobs", "spatial", 0);
      slurm("scontrol", "requeue", `${jobs[1]!}_${again.index}`);
      await until("the end", () => (queue().length === 0 ? true : undefined));

      const log = (name: string) => readFileSync(at("jobs", "slurm", name), "utf8");
      expect(log(`rows-${killed.index}.log`)).toMatch(/The work was killed; it goes on from what it had saved/);
      expect(log(`rows-${again.index}.log`)).toMatch(/Run npx mganet study work .* to resume/);
      expect(log("tables.log")).toMatch(/^Proposed +0\.\d+ ± /m);
      const [expected, found] = [left("whole"), left("jobs")];
      // Of each seed: the weights of six runs, the best of five, six splits and five records of predictions.
      expect(found.size).toBe(2 * (6 + 5 + 6 + 5) + ["split.json", "table-3.md", "table-3.csv"].length);
      expect([...found.keys()]).toEqual([...expected.keys()]);
      expect([...found].filter(([file, content]) => expected.get(file) !== content).map(([file]) => file)).toEqual([]);
    },
    3 * COLD,
  );

  test("what Slurm refuses, such as a partition that does not exist, is said in one line, with nothing submitted", async () => {
    const refused = async (reasons: RegExp, ...more: string[]) => {
      const { code, err } = await study("refused", "--slurm", ...more);
      expect([code, err]).toEqual([2, [expect.stringMatching(reasons)]]);
      expect(queue()).toEqual([]);
      expect(existsSync(at("refused", "slurm/jobs.json"))).toBe(false);
    };
    await refused(/^Error: Slurm refuses: .*partition/i, "--partition", "none");
    await refused(/^Error: Slurm refuses: .*gres|gpu|configuration/i, "--gpus-per-task", "3");
    await refused(/^Error: Slurm refuses: .*time/i, "--time", "soon");
  });
});
