// Runs vitest as its own program does, but without Dawn's warnings, which the workers print.
import { Writable } from "node:stream";
import { parseCLI, startVitest } from "vitest/node";
import { warningFilter } from "../../src/node/vulkan/dawn-warnings.mjs";

const filter = warningFilter();
// Not a Transform: what vitest prints last would still be in it when the process ends.
const stderr = new Writable({
  write: (/** @type {Buffer} */ chunk, _encoding, done) => void process.stderr.write(filter.next(chunk), done),
});
const { filter: files, options } = parseCLI(["vitest", "run", ...process.argv.slice(2)]);
const vitest = await startVitest("test", files, options, {}, { stderr });
await vitest.exit();
