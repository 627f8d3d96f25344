/** Pages as a user's bundler makes them. */
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, type Rolldown } from "vite";

export type Script = Rolldown.OutputChunk;

/** A file of the repository. */
export const at = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url));

/** Builds a page, or what a page imports. @returns its scripts */
export async function scriptsOf(
  config: string | false,
  entry: string,
  options: Rolldown.RolldownOptions = {},
): Promise<Script[]> {
  const built = await build({
    configFile: config === false ? false : at(config),
    root: at(path.dirname(entry)),
    logLevel: "silent",
    build: { write: false, target: "es2023", minify: "oxc", rolldownOptions: { input: at(entry), ...options } },
  });
  const { output } = built as Rolldown.RolldownOutput;
  return output.filter((part) => part.type === "chunk");
}

/** The scripts that are loaded with the first one, itself included. */
export function atOnce(scripts: readonly Script[]): Script[] {
  const needed = new Set(scripts.filter(({ isEntry }) => isEntry));
  // The set grows while it is walked.
  for (const script of needed) {
    for (const name of script.imports) needed.add(scripts.find(({ fileName }) => fileName === name)!);
  }
  return [...needed];
}

/** The files of the sources that they are made of, a line each. */
export const modulesOf = (scripts: readonly Script[]): string =>
  scripts.flatMap(({ modules }) => Object.keys(modules)).join("\n");

export const gzipped = (text: string | Uint8Array): number => gzipSync(text, { level: 9 }).length;

/** Bytes that are sent. */
export const weightOf = (scripts: readonly Script[]): number =>
  scripts.map(({ code }) => gzipped(code)).reduce((a, b) => a + b, 0);
