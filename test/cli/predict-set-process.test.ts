/** `predict --data` as a process that is killed again and again, and stopped by signals. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, linkSync, readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, expect, test } from "vitest";
import { encode, ultrasound } from "../node/data/images.ts";
import { ownSession, program } from "./spawned.ts";
import { checkpointBytes, mganet, temporaryFolder, write } from "./support.ts";

const dir = temporaryFolder();
const at = (...names: string[]) => path.join(dir, ...names);
/** Enough for a signal to find it at work: lines are written only now and then. */
const IMAGES = 600;
const DRAWN = 30;
const args = (out: string, ...more: string[]) => [
  ...["predict", "--run", at("run.safetensors"), "--data", at("set"), "--out", at(out), "--batch", "2", ...more],
];
const journal = (folder: string) => {
  const file = at(folder, "predictions.jsonl");
  return existsSync(file) ? readFileSync(file, "utf8") : "";
};

beforeAll(async () => {
  const files: Record<string, string | Uint8Array> = { "run.safetensors": await checkpointBytes() };
  for (let i = 0; i < DRAWN; i++) files[`set/${i}.png`] = await encode(ultrasound(i)).png().toBuffer();
  write(dir, files);
  for (let i = DRAWN; i < IMAGES; i++) linkSync(at(`set/${i % DRAWN}.png`), at(`set/${i}.png`));
  expect((await mganet(...args("whole"))).code).toBe(0);
});

/** Runs until the journal has grown to that many lines, then sends the signal; or to its end. */
async function until(lines: number, signal: NodeJS.Signals, folder: string, ...more: string[]) {
  const child = spawn(program[0], [program[1], ...args(folder.split("/")[0]!, ...more)], ownSession());
  let [out, running] = ["", true];
  child.stdout.on("data", (data) => (out += String(data)));
  child.stderr.resume();
  const ended = once(child, "close").then(([code, by]) => ({ code: code as number | null, by: by as string | null }));
  void ended.then(() => (running = false));
  while (running && journal(folder).split("\n").length - 1 < lines) await sleep(2);
  child.kill(signal);
  return { ...(await ended), out };
}

test("killed at any moment and run again, it has no gap and no double, and the same bits", async () => {
  let kills = 0;
  for (const lines of [1, 40, 41, 130, 260, 420, 540]) {
    const { by } = await until(lines, "SIGKILL", "killed");
    if (by === "SIGKILL") kills++;
    // What is there is the beginning of the whole, but for a last line that was cut short.
    const so = journal("killed");
    expect(journal("whole").startsWith(so)).toBe(true);
  }
  expect(kills).toBeGreaterThan(3);
  expect((await mganet(...args("killed"))).code).toBe(0);
  for (const name of ["predictions.jsonl", "predictions.csv", "summary.json"]) {
    expect(readFileSync(at("killed", name), "utf8")).toBe(readFileSync(at("whole", name), "utf8"));
  }
});

test.each(["SIGTERM", "SIGINT"] as const)("by %s it ends at an image, and says how to go on", async (signal) => {
  const folder = `${signal}/shards/2-of-2`;
  const { code, by, out } = await until(5, signal, folder, "--shard", "2/2");
  expect([code, by]).toEqual([130, null]);
  const lines = journal(folder);
  expect(lines.endsWith("}\n")).toBe(true);
  const done = lines.trim().split("\n").length;
  expect(done).toBeLessThan(IMAGES / 2);
  expect(out).toMatch(new RegExp(`Stopped after ${done} pictures\\. Run the same command to go on in .*2-of-2\\.`));
  expect(existsSync(at(folder, "summary.json"))).toBe(false);
  expect(existsSync(at(folder, ".mganet-lock"))).toBe(false);
  for (const shard of ["1/2", "2/2"]) expect((await mganet(...args(signal, "--shard", shard))).code).toBe(0);
  expect((await mganet("merge", at(signal))).code).toBe(0);
  expect(journal(signal)).toBe(journal("whole"));
});

test("two processes do not work on one shard", async () => {
  const child = spawn(program[0], [program[1], ...args("contended")], ownSession());
  child.stdout.resume();
  child.stderr.resume();
  while (journal("contended") === "") await sleep(2);
  child.kill("SIGSTOP");
  const { code, err } = await mganet(...args("contended"));
  child.kill("SIGKILL");
  expect(code).toBe(2);
  expect(err).toEqual([expect.stringMatching(/contended: process \d+ is at work there/)]);
  await once(child, "close");
});
