// `npm test`: runs vitest under the environment in which Dawn finds an adapter. Arguments are vitest's, and --all, which leaves out nothing.
// Nor is anything left out of a file or folder that is named.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { launch, prepare, report } from "../src/node/vulkan/launch.mjs";

const args = process.argv.slice(2);
const everything = args.includes("--all") || args.some((arg) => !arg.startsWith("-") && existsSync(arg));
process.env.MGANET_TESTS = everything ? "all" : "fast";
try {
  const script = fileURLToPath(new URL("../test/support/vitest.mjs", import.meta.url));
  await launch({ script, args: args.filter((arg) => arg !== "--all"), preload: [] }, await prepare());
} catch (error) {
  report(error);
}
