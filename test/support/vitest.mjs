// Runs vitest as its own program does, but without Dawn's warnings, which the workers print.
import { Writable } from "node:stream";
import { parseCLI, startVitest } from "vitest/node";
import { warningFilter } from "../../src/node/vulkan/dawn-warnings.mjs";
import { writeFully } from "../../src/node/vulkan/stderr.mjs";

const filter = warningFilter();
// Writes at once: behind another stream, what vitest prints last would still be waiting when the process ends.
const stderr = new Writable({
  write(/** @type {Buffer} */ chunk, _encoding, done) {
    writeFully(process.stderr.fd, filter.next(chunk));
    done();
  },
});
// The first worker that ends would end it, as pipes do with all streams but the process's own, and every failure would go unseen.
stderr.end = () => stderr;
const { filter: files, options } = parseCLI(["vitest", "run", ...process.argv.slice(2)]);
const vitest = await startVitest("test", files, options, {}, { stderr });
await vitest.exit();
