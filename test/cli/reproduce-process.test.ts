/** A study interrupted or killed at any point: the same command resumes it, to the same bits. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, expect, test } from "vitest";
import { COLD, spawned, type Ended } from "./spawned.ts";
import { temporaryFolder, tiny } from "./support.ts";

const dir = temporaryFolder();
const at = (name: string) => path.join(dir, name);

/** When to send a signal: so many milliseconds after the first line that matches. */
interface Stop {
  after: RegExp;
  wait: number;
  signal: NodeJS.Signals;
}

/** Runs or goes on with the study of a folder. */
function study(name: string, stop?: Stop): Promise<Ended> {
  const args = ["reproduce", ...tiny, "--table", "3", "--seeds", "1", "--out", at(name)];
  let sent = false;
  return spawned(args, (line, kill) => {
    if (sent || !stop?.after.test(line)) return;
    sent = true;
    void sleep(stop.wait).then(() => kill(stop.signal));
  });
}

/** Every file of a study, without times. */
function leftIn(name: string): Map<string, string> {
  const files = (readdirSync(at(name), { recursive: true }) as string[]).filter((f) =>
    statSync(path.join(at(name), f)).isFile(),
  );
  return new Map(
    files.sort().map((file) => {
      const bytes = readFileSync(path.join(at(name), file));
      if (file.endsWith(".safetensors")) return [file, bytes.toString("base64")];
      const text = bytes.toString("utf8");
      // It shows the folder's name and times.
      if (file === "report.html") return [file, /<h2[^>]*>Table 3[^<]*</.exec(text)?.[0] ?? "no table"];
      return [file, text.replaceAll(/"(seconds|imagesPerSecond)": ?[\d.e-]+/g, "")];
    }),
  );
}

/** The table and what is remarked on it. */
function tableIn(out: readonly string[]): string[] {
  const begin = (text: string) => out.findIndex((line) => line.startsWith(text));
  return out.slice(begin("Table 3"), begin("Study folder"));
}

let whole: Map<string, string>;
let table: string[];
beforeAll(async () => {
  const { code, out, err } = await study("whole");
  expect([code, err]).toEqual([0, []]);
  table = tableIn(out);
  expect(table.length).toBeGreaterThan(6);
  whole = leftIn("whole");
}, COLD);

function expectSame(name: string, { out }: Ended): void {
  const left = leftIn(name);
  expect([...left.keys()]).toEqual([...whole.keys()]);
  // Compared one by one: nobody wants to read the difference of two checkpoints.
  expect([...left].filter(([file, content]) => whole.get(file) !== content).map(([file]) => file)).toEqual([]);
  expect(tableIn(out)).toEqual(table);
}

const finished = (out: string[]) => out.filter((line) => line.startsWith("[")).map((line) => line.replace(/:.*/, ""));
const all = ["Segmentation stage", "Base", "Channel-only", "Spatial-only", "Serial fusion", "Proposed"];
const every = all.map((name, i) => `[${i + 1}/6] ${name}, seed 0`);

test(
  "interrupted in its images, its segmentation stage and its rows, it goes on and trains nothing twice",
  async () => {
    const name = "interrupted";
    const trained: string[] = [];
    for (const [after, wait, signal, said] of [
      [/^Study in/, 0, "SIGINT", "Stopped before training began. Run the same command to resume."],
      [/^Data:/, 400, "SIGTERM", "Stopped. Run the same command to resume."],
      [/^\[1/, 0, "SIGINT", "Stopped. Run the same command to resume."],
      [/^\[3/, 500, "SIGINT", "Stopped. Run the same command to resume."],
    ] as const) {
      const { code, out, err } = await study(name, { after, wait, signal });
      expect(err).toEqual(["", `${signal}: finishing the step and saving; once more to stop at once.`]);
      expect([code, out.at(-1)]).toEqual([130, said]);
      trained.push(...finished(out));
    }
    const ended = await study(name);
    expect([ended.code, ended.err]).toEqual([0, []]);
    expect([...trained, ...finished(ended.out)]).toEqual(every);
    expectSame(name, ended);
  },
  COLD,
);

test(
  "killed at any instant, it goes on to the same bits",
  async () => {
    const name = "killed";
    const stops = [
      [/^Data:/, 400],
      [/^\[1/, 20],
      [/^Data:/, 900],
      [/^\[/, 5],
    ] as const;
    for (const [after, wait] of stops) {
      const ended = await study(name, { after, wait, signal: "SIGKILL" });
      if (ended.code === 0) break;
      expect(ended).toMatchObject({ signal: "SIGKILL", err: [] });
    }
    const ended = await study(name);
    expect([ended.code, ended.err]).toEqual([0, []]);
    expectSame(name, ended);
  },
  COLD,
);
