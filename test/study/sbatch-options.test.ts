/** What a user may pass on to sbatch for a study's jobs. */
import { expect, test } from "vitest";
import { overridden, requireOwnSbatch, wordsOf, type OwnOption } from "../../src/study/sbatch-options.ts";

const refusal = (text: string, given: readonly OwnOption[] = []): string | undefined => {
  try {
    requireOwnSbatch(text, given);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
};

test("a line is taken apart at spaces that are not quoted", () => {
  expect(wordsOf(`--mem=16G  -c 4 --comment="a 'b' c" '--x y' e\\ f ""`)).toEqual([
    ...["--mem=16G", "-c", "4", "--comment=a 'b' c", "--x y", "e f", ""],
  ]);
  expect(wordsOf(`--comment="open`)).toEqual(["--comment=open"]);
});

test("what belongs to the user is passed on", () => {
  const own = [
    "--mem=16G --cpus-per-task=4",
    "-A me -q long",
    "--time-min=10",
    "-Q",
    "--constraint=a100",
    "-p gpu -t 10",
  ];
  const more = [
    `--comment="not --array=1"`,
    "--wait-all-nodes=1",
    "--mail-type=END,FAIL",
    "--exclude=node[1-3]",
    "-w node1",
  ];
  for (const text of [...own, ...more]) expect(refusal(text), text).toBeUndefined();
});

test("what the job scripts set, or what changes sbatch's answer, is refused by name", () => {
  const broken = [
    ...[
      "--array=1",
      "--array 1",
      "-a1",
      "--arr=1",
      `"--array=1"`,
      "--dependency=singleton",
      "-d",
      "--job-name=x",
      "-Jx",
    ],
    ...["--output=x", "-o", "--open-mode=truncate", "--signal=TERM@9", "--requeue", "--no-requeue", "--no-r", "--hold"],
    ...[
      "-H",
      "-QH",
      "--parsable",
      "--wait",
      "-W",
      "--test-only",
      "--test",
      "--wrap=ls",
      "--clusters=a",
      "-Ma",
      "--help",
    ],
    ...["--version", "-V", "--usage", "--ntasks=2", "-n2"],
  ];
  for (const text of broken) expect(refusal(`--mem=1G ${text}`), text).toMatch(/^sbatch: leave out -/);
  expect(refusal("--array=1")).toBe("sbatch: leave out --array=1: the job scripts set it");
  expect(refusal("-p x", ["partition"])).toBe("sbatch: leave out -p: --partition is given, too");
  expect(refusal("--time=5", ["time"])).toBe("sbatch: leave out --time=5: --time is given, too");
});

test("variables that come before a script's options are not passed on, unless the user has said nothing else", () => {
  const env = { SBATCH_WAIT: "1", SBATCH_PARTITION: "gpu", SBATCH_ACCOUNT: "me", PATH: "/bin" };
  expect(overridden(env, [])).toEqual(["SBATCH_WAIT"]);
  expect(overridden(env, ["partition", "time"])).toEqual(["SBATCH_WAIT", "SBATCH_PARTITION"]);
});
