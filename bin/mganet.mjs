#!/usr/bin/env node
// The command line. Finds a GPU adapter, or makes one on the CPU, then runs src/cli/main.ts (or its build) under it.
// `mganet env` prints the environment as shell exports instead, for programs that are started in another way; with --fresh it
// decides anew. Plain JavaScript, because loading a TypeScript compiler first would slow down every start.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const at = (/** @type {string} */ file) => fileURLToPath(new URL(`../${file}`, import.meta.url));
const sources = existsSync(at("src/cli/main.ts")) || !existsSync(at("dist/src/cli/main.js"));
/** @type {typeof import("../src/node/vulkan/launch.mjs")} */
const { launch, prepare, report, shellExports } = await import(
  new URL(`../${sources ? "" : "dist/"}src/node/vulkan/launch.mjs`, import.meta.url).href
);

const args = process.argv.slice(2);
// Nobody who asks for help, or only looks at pictures, should wait for a driver.
const needsAdapter =
  !/^(-|help$|crop$|inspect$|prepare$|$)/.test(args[0] ?? "") && !args.includes("--help") && !args.includes("-h");
try {
  if (args[0] === "env") {
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
