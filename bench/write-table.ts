/** `npm run bench:table`: writes the README's table from bench/results/*.json. */
import path from "node:path";
import { format, resolveConfig } from "prettier";
import { packageRoot, readInput, writeWhole } from "../src/node/files.ts";
import { readResults } from "./recorded.ts";
import { insertTable, speedTables } from "./table.ts";

const readme = path.join(packageRoot, "README.md");

/** The README with the table as it should be. */
export async function upToDate(): Promise<string> {
  const table = await format(speedTables(await readResults()), {
    ...(await resolveConfig(readme)),
    parser: "markdown",
  });
  return insertTable(String(await readInput(readme)), table.trim());
}

if (process.argv[1] === import.meta.filename) await writeWhole(readme, await upToDate());
