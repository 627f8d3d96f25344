/** `npm run bench:table`: writes the figures of bench/results/*.json into docs/benchmark.md and README.md. */
import path from "node:path";
import { format, resolveConfig } from "prettier";
import { packageRoot, readInput, writeWhole } from "../src/node/files.ts";
import { readResults } from "./recorded.ts";
import { headlines, insertBetween, modelTables, opTables, speedTables } from "./table.ts";

/** The documents with the figures as they should be, by their paths in the repository. */
export async function upToDate(): Promise<Map<string, string>> {
  const results = await readResults();
  const written = {
    "README.md": { headline: headlines(results) },
    "docs/benchmark.md": { table: speedTables(results), models: modelTables(results), ops: opTables(results) },
  };
  const documents = new Map<string, string>();
  for (const [name, parts] of Object.entries(written)) {
    const file = path.join(packageRoot, name);
    let document = String(await readInput(file));
    for (const [mark, markdown] of Object.entries(parts)) {
      const formatted = await format(markdown, { ...(await resolveConfig(file)), parser: "markdown" });
      document = insertBetween(document, mark, formatted.trim());
    }
    documents.set(name, document);
  }
  return documents;
}

if (process.argv[1] === import.meta.filename) {
  for (const [name, text] of await upToDate()) await writeWhole(path.join(packageRoot, name), text);
}
