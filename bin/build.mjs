// `npm run build`: writes dist/ anew: declarations with their comments, and JavaScript without, which is a quarter smaller.
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");

/** @param {string[]} options */
function compile(...options) {
  const { status } = spawnSync(process.execPath, [tsc, "-p", "tsconfig.build.json", ...options], {
    cwd: root,
    stdio: "inherit",
  });
  if (status !== 0) process.exit(status ?? 1);
}

// A file that the sources no longer have would otherwise be packed for ever.
rmSync(new URL("../dist", import.meta.url), { recursive: true, force: true });
compile();
compile("--noCheck", "--declaration", "false", "--removeComments");
