/** Which release of a library is installed. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { packageRoot } from "../../src/node/files.ts";

export function packageVersion(name: string): string {
  const file = path.join(packageRoot, "node_modules", name, "package.json");
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}
