// `npm test`: runs vitest in an environment where Dawn finds an adapter. Arguments are vitest's, plus --all, which leaves
// nothing out, and --rest, which runs what `npm test` leaves out; nor is anything left out of a file or folder named explicitly.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { launch, prepare, report } from "../src/node/vulkan/launch.mjs";

const args = process.argv.slice(2);
const everything = args.includes("--all") || args.some((arg) => !arg.startsWith("-") && existsSync(arg));
process.env.MGANET_TESTS = everything ? "all" : args.includes("--rest") ? "rest" : "fast";
try {
  const script = fileURLToPath(new URL("../test/support/vitest.mjs", import.meta.url));
  await launch(
    { script, args: args.filter((arg) => arg !== "--all" && arg !== "--rest"), preload: [] },
    await prepare(),
  );
} catch (error) {
  report(error);
}
