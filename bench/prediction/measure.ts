/**
 * Measures `predict --data` on a folder of many images: speed, what limits it, memory along the way; kills it in between, and checks
 * that no image is missing or there twice.
 *
 *     npx tsx bench/prediction/draw-images.ts DIR 20000
 *     npx tsx bench/prediction/measure.ts --run RUN --data DIR --out OUT [--kill-at 8000]
 *
 * Linux: memory is read from /proc.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import path from "node:path";

/** Milliseconds between two looks at the memory. */
const LOOK_MS = 500;
/** Images over which memory is averaged: single looks differ with the garbage that waits to be collected. */
const WINDOW = 1000;

const { values } = parseArgs({
  options: {
    run: { type: "string" },
    data: { type: "string" },
    out: { type: "string" },
    "kill-at": { type: "string" },
    batch: { type: "string" },
    workers: { type: "string" },
  },
});
const { run, data, out, "kill-at": killAt } = values;
if (run === undefined || data === undefined || out === undefined) {
  console.error("Error: name --run, --data and --out");
  process.exit(2);
}
const more = (["batch", "workers"] as const).flatMap((name) => (values[name] ? [`--${name}`, values[name]] : []));
const journal = path.join(out, "predictions.jsonl");

interface Look {
  images: number;
  bytes: number;
}

/** Runs the command, to its end or until that many images are done, when it is killed. */
async function predict(until?: number): Promise<{ looks: Look[]; said: string[]; seconds: number; from: number }> {
  const from = lines();
  const begun = performance.now();
  const args = ["bin/mganet.mjs", "predict", "--run", run!, "--data", data!, "--out", out!, ...more];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.on("data", (piece) => {
    text += String(piece);
    process.stdout.write(String(piece));
  });
  const looks: Look[] = [];
  const state = { runs: true };
  const ended = once(child, "close").then(([code]) => {
    state.runs = false;
    return code as number | null;
  });
  while (state.runs) {
    const images = lines();
    const pids = processes(child.pid!);
    if (images > from) looks.push({ images: images - from, bytes: pids.reduce((sum, pid) => sum + memory(pid), 0) });
    if (until !== undefined && images >= until) for (const pid of pids) process.kill(pid, "SIGKILL");
    await sleep(LOOK_MS);
  }
  const code = await ended;
  if (code !== 0 && until === undefined) throw new Error(`the command ended with exit code ${code}`);
  return { looks, said: text.split("\n"), seconds: (performance.now() - begun) / 1000, from };
}

let counted = { bytes: 0, lines: 0 };

/** Lines of the journal so far; counts only what is new. */
function lines(): number {
  if (!existsSync(journal)) return 0;
  const bytes = readFileSync(journal);
  if (bytes.length < counted.bytes) counted = { bytes: 0, lines: 0 };
  let { lines } = counted;
  for (let i = counted.bytes; i < bytes.length; i++) if (bytes[i] === 10) lines++;
  counted = { bytes: bytes.length, lines };
  return lines;
}

/** A process and all that it has started. */
function processes(pid: number): number[] {
  try {
    const below = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number),
    );
    return [pid, ...below.flatMap(processes)];
  } catch {
    return []; // It has ended.
  }
}

/** Its own: pages of programs and libraries come and go with what else the machine does. */
function memory(pid: number): number {
  try {
    return 1024 * Number(/^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

const mean = (looks: readonly Look[]) => looks.reduce((sum, { bytes }) => sum + bytes, 0) / looks.length / 2 ** 20;

/** Memory over the thousands, and how the last differs from the second. */
function report({ looks, seconds, from }: Awaited<ReturnType<typeof predict>>): void {
  const all = looks.at(-1)?.images ?? 0;
  const windows = Array.from({ length: Math.ceil(all / WINDOW) }, (_, w) =>
    looks.filter(({ images }) => Math.floor((images - 1) / WINDOW) === w),
  ).filter((window) => window.length > 0);
  console.log(`from ${from}: ${all} images in ${seconds.toFixed(0)} s, start and end included`);
  console.log(`memory, MiB, by thousands: ${windows.map((window) => mean(window).toFixed(0)).join(" ")}`);
  const [, second] = windows;
  if (second && windows.length > 2) {
    const change = (100 * (mean(windows.at(-1)!) / mean(second) - 1)).toFixed(1);
    console.log(`the last thousand against the one after the first: ${change} %`);
  }
}

if (killAt !== undefined) report(await predict(Number(killAt)));
report(await predict());
const seen = readFileSync(journal, "utf8")
  .trim()
  .split("\n")
  .map((line) => (JSON.parse(line) as { index: number }).index);
const wrong = seen.findIndex((index, i) => index !== i);
console.log(
  wrong === -1 ? `${seen.length} lines, each image once, in order` : `Line ${wrong + 1} is image ${seen[wrong]!}`,
);
if (wrong !== -1) process.exitCode = 1;
