// `npm run soak`: runs the scripts of test/soak one after another: all, or only the one named.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const [name, ...args] = process.argv.slice(2);
for (const each of name === undefined ? ["lock", "study", "kills", "faults"] : [name]) {
  const script = fileURLToPath(new URL(`../test/soak/${each}.ts`, import.meta.url));
  const { status } = spawnSync(process.execPath, ["--import", import.meta.resolve("tsx"), script, ...args], {
    stdio: "inherit",
  });
  if (status !== 0) process.exitCode = 1;
}
