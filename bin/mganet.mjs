#!/usr/bin/env node
// The command line. Finds a GPU adapter, or sets up a software one, then runs src/cli/main.ts (or its build) with it.
// `mganet env` instead prints the environment as shell exports, for programs started in another way; --fresh chooses anew.
// Plain JavaScript, because loading a TypeScript compiler first would slow down every start.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const at = (/** @type {string} */ file) => fileURLToPath(new URL(`../${file}`, import.meta.url));
const sources = existsSync(at("src/cli/main.ts")) || !existsSync(at("dist/src/cli/main.js"));
const load = (/** @type {string} */ file) =>
  import(new URL(`../${sources ? "" : "dist/"}src/node/${file}`, import.meta.url).href);
/** @type {typeof import("../src/node/vulkan/launch.mjs")} */
const { launch, prepare, report, shellExports } = await load("vulkan/launch.mjs");
/** @type {typeof import("../src/node/packages.mjs")} */
const { manifest, requirePackages } = await load("packages.mjs");

const args = process.argv.slice(2);
// Help and commands that only read files should not wait for a driver.
const needsAdapter =
  !/^(-|help$|crop$|export$|inspect$|merge$|prepare$|study (status|retry)$|$)/.test(
    args.slice(0, args[0] === "study" ? 2 : 1).join(" "),
  ) &&
  !args.includes("--help") &&
  !args.includes("-h");
try {
  // Also where nothing else is installed, for reports of what is wrong there.
  if (args[0] === "--version" || args[0] === "-V") {
    console.log(manifest.version);
    process.exit();
  }
  // The environment of a program that uses the library alone.
  const isEnv = args[0] === "env";
  requirePackages({ adapter: needsAdapter, ...(isEnv ? { of: ["webgpu"] } : {}) });
  if (isEnv) {
    process.stdout.write(shellExports(await prepare({ fresh: args.includes("--fresh") })));
  } else {
    const program = sources
      ? { script: at("src/cli/main.ts"), args, preload: [import.meta.resolve("tsx")] }
      : { script: at("dist/src/cli/main.js"), args, preload: [] };
    await launch(program, needsAdapter ? await prepare() : {});
  }
} catch (error) {
  report(error);
}
