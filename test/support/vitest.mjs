// Runs vitest like its own program, but without Dawn's warnings, which the workers print.
import { Writable } from "node:stream";
import { parseCLI, startVitest } from "vitest/node";
import { warningFilter } from "../../src/node/vulkan/dawn-warnings.mjs";
import { writeFully } from "../../src/node/vulkan/stderr.mjs";

const filter = warningFilter();
// Writes synchronously: in another stream, vitest's last output would still be pending when the process ends.
const stderr = new Writable({
  write(/** @type {Buffer} */ chunk, _encoding, done) {
    writeFully(process.stderr.fd, filter.next(chunk));
    done();
  },
});
// The first worker to end would end it, as pipes do with all but the process's own streams, and every failure would be lost.
stderr.end = () => stderr;
const { filter: files, options } = parseCLI(["vitest", "run", ...process.argv.slice(2)]);
const vitest = await startVitest("test", files, options, {}, { stderr });
await vitest.exit();
