/** Faults during training: a closed terminal, a vanishing folder, a full disk. test/soak has the long versions. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { COLD, program, spawned } from "./spawned.ts";
import { temporaryFolder, tiny } from "./support.ts";

const dir = temporaryFolder();
const at = (name: string) => path.join(dir, name);

/** Trains until a line of the first epoch; then something happens. */
const train = (args: readonly string[], happens: (kill: (signal: NodeJS.Signals) => void) => void = () => {}) => {
  let done = false;
  return spawned(["train", ...args], (line, kill) => {
    if (done || !/segmentation 1\/1/.test(line)) return;
    done = true;
    happens(kill);
  });
};

test(
  "a terminal that is closed: saved, exit code 129, and gone on with",
  async () => {
    const ended = await train([...tiny, "--out", at("hung")], (kill) => {
      kill("SIGHUP");
      kill("SIGHUP");
    });
    expect(ended.err).toEqual(["", "SIGHUP: finishing the step and saving."]);
    expect([ended.code, ended.out.at(-1)]).toEqual([
      129,
      `Stopped. Resume with:  npm run train -- --resume ${at("hung")}`,
    ]);
    expect(await train(["--resume", at("hung"), "--save-every", "30s"])).toMatchObject({ code: 0, err: [] });
  },
  COLD,
);

test(
  "a run folder that is moved, with another in its place: exit code 2, that one left alone, gone on with where it is",
  async () => {
    const { code, out, err } = await train([...tiny, "--out", at("moved")], () => {
      renameSync(at("moved"), at("elsewhere"));
      mkdirSync(at("moved"));
    });
    expect([code, err]).toEqual([
      2,
      [expect.stringMatching(/^Error: .*moved: the folder is gone: moved, deleted or replaced/)],
    ]);
    expect(out.join("\n")).not.toContain("Done");
    expect(readdirSync(at("moved"))).toEqual([]);
    if (!existsSync(path.join(at("elsewhere"), "last.safetensors"))) return;
    expect(await train(["--resume", at("elsewhere")])).toMatchObject({ code: 0, err: [] });
  },
  COLD,
);

test(
  "no room for a checkpoint: exit code 2, the last good one whole",
  async () => {
    const stopped = await train([...tiny, "--out", at("full")], (kill) => kill("SIGTERM"));
    expect(stopped.code).toBe(130);
    const before = readFileSync(path.join(at("full"), "last.safetensors"));
    const env = { ...process.env, NODE_OPTIONS: `--import=${pathToFileURL("test/soak/full-disk.mjs").href}` };
    const args = [program[1], "train", "--resume", at("full")];
    const child = spawn(program[0], args, { stdio: ["ignore", "pipe", "pipe"], env });
    let [out, err] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
    expect(await once(child, "close")).toEqual([2, null]);
    expect(err.replaceAll(/^Warning: .*\n/gm, "")).toBe(
      `Error: ${path.join(at("full"), "last.safetensors")}: cannot be written: no space left on the disk\n`,
    );
    expect(out).toContain(`Training failed. Resume with:  npm run train -- --resume ${at("full")}`);
    expect(readFileSync(path.join(at("full"), "last.safetensors")).equals(before)).toBe(true);
    expect(readdirSync(at("full")).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  },
  COLD,
);

test("--save-every takes a time, or off", async () => {
  for (const bad of ["10", "-1m", "m", "1d", "0s", ""]) {
    const { code, err } = await spawned(["train", `--save-every=${bad}`]);
    expect([code, err.join(" ")]).toEqual([
      2,
      expect.stringMatching(/--save-every <time>.*It is not a time such as 30s, 10m or 1h/),
    ]);
  }
});
