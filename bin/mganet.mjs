#!/usr/bin/env node
// The command line. Finds a GPU adapter, or makes one on the CPU, then runs src/cli/main.ts (or its build) under it.
// `mganet env` prints the environment as shell exports instead, for programs that are started in another way.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const at = (file) => fileURLToPath(new URL(`../${file}`, import.meta.url));
const sources = existsSync(at("src/cli/main.ts")) || !existsSync(at("dist/src/cli/main.js"));
const vulkan = new URL(sources ? "../src/node/vulkan/" : "../dist/src/node/vulkan/", import.meta.url);

try {
  const { launch, prepare } = await import(new URL("launch.mjs", vulkan).href);
  const args = process.argv.slice(2);
  const variables = await prepare();
  if (args[0] === "env") {
    const { shellExports } = await import(new URL("environment.mjs", vulkan).href);
    process.stdout.write(shellExports(variables));
  } else {
    const program = sources
      ? { script: at("src/cli/main.ts"), args, preload: [import.meta.resolve("tsx")] }
      : { script: at("dist/src/cli/main.js"), args, preload: [] };
    await launch(program, variables);
  }
} catch (error) {
  if (error?.name !== "LaunchError") throw error;
  console.error(`mganet: ${error.message}`);
  process.exitCode = 2;
}
