/** The program as a process of its own. */
import { spawn, type SpawnOptionsWithStdioTuple, type StdioNull, type StdioPipe } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import { withoutDawnWarnings } from "../../src/node/vulkan/dawn-warnings.mjs";

/** Milliseconds for what may have to compile every shader first. */
export const COLD = 900_000;

export const program = [process.execPath, path.resolve("bin/mganet.mjs")] as const;

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  out: string[];
  err: string[];
}

/** A session of its own: it does not matter whether the tests were started by nohup. */
export const ownSession = (): SpawnOptionsWithStdioTuple<StdioNull, StdioPipe, StdioPipe> => ({
  stdio: ["ignore", "pipe", "pipe"],
  detached: true,
  env: { ...process.env, _: "" },
});

/** Runs a command to its end. `onLine` is told of each line of its output. */
export async function spawned(
  args: readonly string[],
  onLine: (line: string, kill: (signal: NodeJS.Signals) => void) => void = () => {},
): Promise<Ended> {
  const child = spawn(program[0], [program[1], ...args], ownSession());
  const [out, err]: [string[], string[]] = [[], []];
  createInterface(child.stdout).on("line", (line) => {
    out.push(line);
    onLine(line, (signal) => child.kill(signal));
  });
  // The launcher leaves Dawn's warnings out, and here there is none in between.
  createInterface(child.stderr.pipe(withoutDawnWarnings())).on("line", (line) => err.push(line));
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  return { code, signal, out, err };
}
