/** The results that are recorded in bench/results/. */
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
