// Standard error of a program whose descriptor 2 leads through the launcher, which filters Dawn's warnings (dawn-warnings.mjs).
// The program's own output goes straight to the launcher's standard error, so that a terminal stays a terminal.
import { fstatSync, writeSync } from "node:fs";
import { Writable } from "node:stream";
import tty from "node:tty";

/** Tells the program the descriptor; empty in its child processes, whose standard error the program chooses. */
export const stderrVariable = "MGANET_STDERR";

/** Makes `process.stderr` the stream named by the launcher. Call before anything is written to it. */
export function restoreStderr() {
  const descriptor = Number(process.env[stderrVariable] || NaN);
  if (stderrVariable in process.env) process.env[stderrVariable] = "";
  if (!isOpen(descriptor)) return;
  const stream = tty.isatty(descriptor) ? new tty.WriteStream(descriptor) : written(descriptor);
  Object.defineProperty(process, "stderr", { configurable: true, enumerable: true, get: () => stream });
}

function isOpen(/** @type {number} */ descriptor) {
  try {
    return Boolean(fstatSync(descriptor));
  } catch {
    return false;
  }
}

/**
 * A stream to a file, pipe or socket that writes synchronously, as Node's own does.
 * @param {number} fd
 */
function written(fd) {
  const stream = new Writable({
    decodeStrings: true,
    write(/** @type {Buffer} */ chunk, _encoding, done) {
      try {
        writeFully(fd, chunk);
        done();
      } catch (error) {
        done(/** @type {Error} */ (error));
      }
    },
  });
  return Object.assign(stream, { fd });
}

/**
 * Writes all bytes before returning.
 * @param {number} fd
 * @param {Buffer} bytes
 */
export function writeFully(fd, bytes) {
  for (let at = 0; at < bytes.length;) at += writeSome(fd, bytes.subarray(at));
}

/** @returns {number} of bytes written; 0 while a non-blocking pipe is full */
function writeSome(/** @type {number} */ fd, /** @type {Buffer} */ bytes) {
  try {
    return writeSync(fd, bytes);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== "EAGAIN") throw error;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    return 0;
  }
}
