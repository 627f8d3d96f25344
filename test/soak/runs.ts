/** Trainings of a few seconds as processes, for the faults of this folder. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { prepare } from "../../src/node/vulkan/launch.mjs";

// Chosen once: each training is then one process, in which the launcher runs the program.
Object.assign(process.env, await prepare());

const program = fileURLToPath(new URL("../../bin/mganet.mjs", import.meta.url));

/** A training with all parts, of some 100 steps. */
export const settings: readonly string[] = [
  ...["--width", "0.0625", "--size", "32", "--batch", "4", "--phantom-images", "60", "--crop", "none"],
  ...["--seg-epochs", "3", "--joint-epochs", "5", "--eval-every", "1"],
];

export const workFolder = (): string => mkdtempSync(path.join(tmpdir(), "mganet-soak-"));

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  out: string;
  err: string;
}

/** What can be done to a process that runs. */
export interface Running {
  /** Sends a signal to it and to all that it has started. */
  kill: (signal: NodeJS.Signals) => void;
}

/** Runs `mganet train`; `onLine` is told of each line that it prints. `shell`: run by bash after this command. */
export async function train(
  args: readonly string[],
  onLine: (line: string, running: Running) => void = () => {},
  { onStart = () => {}, shell }: { onStart?: (running: Running) => void; shell?: string } = {},
): Promise<Ended> {
  const command = [process.execPath, program, "train", ...args];
  const [file, ...rest] = shell === undefined ? command : ["bash", "-c", `${shell}; exec "$@"`, "bash", ...command];
  // A group of its own: the launcher and the program that it starts are killed together.
  const child = spawn(file!, rest, {
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
    env: { ...process.env, _: "" },
  });
  const running: Running = {
    kill(signal) {
      try {
        process.kill(-child.pid!, signal);
      } catch {
        // It has ended by itself.
      }
    },
  };
  let [out, err, line] = ["", "", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
    const lines = (line + text).split("\n");
    line = lines.pop()!;
    for (const each of lines) onLine(each, running);
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
  onStart(running);
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  // Dawn's own warnings are none of ours.
  return { code, signal, out, err: err.replaceAll(/^Warning: .*\n/gm, "") };
}

/** What a run leaves, without times; undefined where there is no finished run. */
export function leftIn(dir: string): string | undefined {
  const files = ["last.safetensors", "best.safetensors", "metrics.jsonl"].map((name) => path.join(dir, name));
  if (![path.join(dir, "summary.json"), ...files].every(existsSync)) return undefined;
  const [last, best, metrics] = files.map((file) => readFileSync(file, "latin1"));
  return [last, best, metrics!.replaceAll(/"seconds":[\d.e-]+,"imagesPerSecond":[\d.e-]+/g, "")].join("\n");
}

export function require(condition: boolean, what: string, ended?: Ended): void {
  if (condition) return;
  throw new Error(`${what}${ended ? `: ${JSON.stringify({ ...ended, out: ended.out.slice(-500) })}` : ""}`);
}
