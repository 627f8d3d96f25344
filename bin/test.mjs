// `npm test`: runs vitest under the environment in which Dawn finds an adapter. Arguments are vitest's.
import { createRequire } from "node:module";
import path from "node:path";
import { launch, prepare, report } from "../src/node/vulkan/launch.mjs";

const vitest = path.join(path.dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs");
try {
  await launch({ script: vitest, args: ["run", ...process.argv.slice(2)], preload: [] }, await prepare());
} catch (error) {
  report(error);
}
