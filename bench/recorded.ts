/** The results that are recorded in bench/results/. */
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { InputError, packageRoot, readInput } from "../src/node/files.ts";
import { resultsSchema, type Results } from "./results.ts";

const folder = path.join(packageRoot, "bench/results");

/** @throws InputError naming the file that is no result of this benchmark, and why */
export async function readResults(from = folder): Promise<Results[]> {
  const names = (await readdir(from)).filter((name) => name.endsWith(".json")).sort();
  return Promise.all(names.map((name) => readResult(path.join(from, name))));
}

/**
 * The results that `file` holds, to which those of `now` may be added; `now` where there is no such file.
 * @throws InputError if they are of another adapter, environment or version
 */
export async function begun(file: string, now: Results): Promise<Results> {
  if (!existsSync(file)) return now;
  const before = await readResult(file);
  for (const name of ["driver", "cpu", "cores", "node", "lpNumThreads", "ours", "peers"] as const) {
    requireSame(file, name, before.environment[name], now.environment[name]);
  }
  requireSame(file, "adapter", before.adapter, now.adapter);
  return before;
}

function requireSame(file: string, name: string, before: unknown, now: unknown): void {
  const [there, here] = [JSON.stringify(before), JSON.stringify(now)];
  if (there !== here) throw new InputError(`${file}: ${name} is ${there}, here it is ${here}; write another file`);
}

async function readResult(file: string): Promise<Results> {
  const text = String(await readInput(file));
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw new InputError(`${file}: is not JSON`, { cause: error });
  }
  const parsed = resultsSchema.safeParse(content);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new InputError(`${file}: ${issue!.path.join(".")}: ${issue!.message}`);
}
