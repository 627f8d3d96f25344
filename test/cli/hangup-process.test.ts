/** The other long-running commands: closed terminals, and folders that another process holds or that vanish. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, expect, test } from "vitest";
import { encode, ultrasound } from "../node/data/images.ts";
import { COLD, ownSession, program, spawned, type Ended } from "./spawned.ts";
import { temporaryFolder, tiny, write } from "./support.ts";

const dir = temporaryFolder();
const at = (name: string) => path.join(dir, name);
const gone = (name: string): unknown =>
  expect.stringMatching(
    new RegExp(
      `^Error: .*/${name}: the (folder|study) is gone: moved, deleted or replaced.* nothing more is written there$`,
    ),
  );

/** Images of the set. */
const IMAGES = 6;
beforeAll(async () => {
  const picture = await encode(ultrasound(1)).png().toBuffer();
  const names = Array.from({ length: IMAGES }, (_, i) => `${i}.png`);
  const rows = names.map((name) => `${name},benign,80 60 140 100`);
  write(at("set"), {
    ...Object.fromEntries(names.map((name) => [name, picture])),
    "manifest.csv": ["image,label,boxes", ...rows].join("\n"),
  });
});
const preparing = (out: string) => ["prepare", "--data", at("set"), "--out", at(out), "--workers", "1"];

/** Whether a process stands still. */
function stands(pid: number): boolean {
  if (process.platform === "linux") return / T /.test(readFileSync(`/proc/${pid}/stat`, "utf8").replace(/.*\)/s, ""));
  return spawnSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" }).stdout.startsWith("T");
}

/** Prepares until the first image is done; the process stands still while something happens, and goes on after it. */
async function prepare(out: string, happens: (kill: (signal: NodeJS.Signals) => void) => Promise<void>) {
  const session = ownSession();
  const stop = `--import=${new URL("stop-at-first-image.mjs", import.meta.url).href}`;
  const env = { ...session.env, NODE_OPTIONS: stop };
  const child = spawn(program[0], [program[1], ...preparing(out)], { ...session, env });
  const [lines, errors]: [string[], string[]] = [[], []];
  child.stdout.setEncoding("utf8").on("data", (text: string) => lines.push(text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => errors.push(text));
  const ended = once(child, "close") as Promise<[number | null, NodeJS.Signals | null]>;
  while (child.exitCode === null && !stands(child.pid!)) await sleep(5);
  await happens((signal) => child.kill(signal));
  child.kill("SIGCONT");
  const [code] = await ended;
  return { code, out: lines.join(""), err: errors.join("").trim() };
}

test(
  "a terminal that is closed while images are prepared, and another process that wants the folder meanwhile",
  async () => {
    let second: Ended | undefined;
    const { code, out, err } = await prepare("prepared", async (kill) => {
      second = await spawned(preparing("prepared"));
      kill("SIGHUP");
    });
    expect(second).toMatchObject({ code: 2, out: [] });
    expect(second!.err).toEqual([expect.stringMatching(/prepared: process \d+ is at work there; wait for it/)]);
    expect([code, out, err]).toEqual([129, `Stopped. Run the same command to resume ${at("prepared")}.\n`, ""]);
    expect(existsSync(path.join(at("prepared"), "manifest.csv"))).toBe(false);
    const ended = await spawned(preparing("prepared"));
    expect([ended.code, ended.err]).toEqual([0, []]);
    expect(ended.out.join("\n")).toMatch(
      new RegExp(`^${IMAGES} images prepared \\([1-9]\\d* of them were already done\\)`, "m"),
    );
    expect(
      readFileSync(path.join(at("prepared"), "manifest.csv"), "utf8")
        .trim()
        .split("\n").length,
    ).toBe(IMAGES + 1);
  },
  COLD,
);

test(
  "a folder of prepared images that another one takes the place of: exit code 2, that one is left alone",
  async () => {
    const { code, out, err } = await prepare("moved", () => {
      renameSync(at("moved"), at("elsewhere"));
      mkdirSync(at("moved"));
      return Promise.resolve();
    });
    expect([code, out, err]).toEqual([2, "", gone("moved")]);
    expect(readdirSync(at("moved"))).toEqual([]);
  },
  COLD,
);

const study = (out: string) => ["reproduce", ...tiny, "--table", "3", "--seeds", "1", "--out", at(out)];

test(
  "a terminal that is closed during a study: saved, exit code 129",
  async () => {
    const { code, out, err } = await spawned(study("hung"), (line, kill) => void (/^\[1/.test(line) && kill("SIGHUP")));
    expect(err).toEqual(["", "SIGHUP: finishing the step and saving."]);
    expect([code, out.at(-1)]).toEqual([129, "Stopped. Run the same command to resume."]);
    expect(out.filter((line) => line.startsWith("["))).toHaveLength(1);
  },
  COLD,
);

test(
  "the folder of a study that another one takes the place of: exit code 2, that one is left alone",
  async () => {
    const { code, out, err } = await spawned(study("study"), (line) => {
      if (!/^\[1/.test(line)) return;
      renameSync(at("study"), at("study elsewhere"));
      mkdirSync(at("study"));
    });
    expect([code, err]).toEqual([2, [gone("study")]]);
    expect(out.join("\n")).not.toContain("Study folder");
    expect(readdirSync(at("study"))).toEqual([]);
  },
  COLD,
);

test(
  "a terminal that is closed while kernels are tuned: what was found is kept, exit code 129",
  async () => {
    const cache = process.env["MGANET_CACHE"];
    process.env["MGANET_CACHE"] = at("cache");
    try {
      const args = ["tune", "--width", "0.0625", "--size", "32", "--batch", "4", "--kernels", "3", "--seconds", "3600"];
      const { code, out, err } = await spawned(
        args,
        (line, kill) => void (line.startsWith("Tuning") && kill("SIGHUP")),
      );
      expect(err.filter((line) => line !== "")).toEqual(["SIGHUP: finishing the kernel and saving."]);
      expect(code).toBe(129);
      expect(out[0]).toMatch(/^Tuning 3 of \d+ kernels/);
    } finally {
      if (cache === undefined) delete process.env["MGANET_CACHE"];
      else process.env["MGANET_CACHE"] = cache;
    }
  },
  COLD,
);
