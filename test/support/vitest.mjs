// Runs vitest as its own program does, but without Dawn's warnings, which the workers print.
import { parseCLI, startVitest } from "vitest/node";
import { withoutDawnWarnings } from "../../src/node/vulkan/dawn-warnings.mjs";

const stderr = withoutDawnWarnings();
stderr.pipe(process.stderr);
const { filter, options } = parseCLI(["vitest", "run", ...process.argv.slice(2)]);
const vitest = await startVitest("test", filter, options, {}, { stderr });
await vitest.exit();
