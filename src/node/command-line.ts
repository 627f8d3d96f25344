/** How this program's commands are called from where it runs: what messages tell users to type. */
import { existsSync } from "node:fs";
import path from "node:path";
import { manifest, packageRoot } from "./packages.mjs";

/** Whether this is the repository, not an installed package. */
const checkout = existsSync(path.join(packageRoot, "src/cli/main.ts"));

/**
 * A command as the user has to type it: `npm run train -- --resume DIR` in the repository's folder, `npx mganet train --resume DIR`
 * where the package is installed.
 *
 * @param command such as `train`, or `study status`
 * @param args its arguments, as they should be shown
 * @param here for tests; `program` is what MGANET_COMMAND says, which a bundle's launcher sets
 */
export function commandLine(
  command: string,
  args = "",
  here: { checkout: boolean; root: string; cwd: string; program: string | undefined } = {
    checkout,
    root: packageRoot,
    cwd: process.cwd(),
    program: process.env["MGANET_COMMAND"],
  },
): string {
  const tail = args && ` ${args}`;
  if (here.program) return `${here.program} ${command}${tail}`;
  if (!here.checkout) return `npx mganet ${command}${tail}`;
  if (path.relative(here.root, here.cwd) !== "")
    return `node ${path.relative(here.cwd, path.join(here.root, "bin/mganet.mjs"))} ${command}${tail}`;
  return command in manifest.scripts ? `npm run ${command}${tail && ` --${tail}`}` : `npx mganet ${command}${tail}`;
}
