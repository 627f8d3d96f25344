// Standard error of a program whose descriptor 2 leads through the launcher, which leaves out Dawn's warnings (dawn-warnings.mjs). What the
// program itself writes goes straight to the launcher's own standard error, so that a terminal stays a terminal.
import { fstatSync, writeSync } from "node:fs";
import { Writable } from "node:stream";
import tty from "node:tty";

/** Names the descriptor to the program; empty in processes that the program starts, whose standard error is for it to choose. */
export const stderrVariable = "MGANET_STDERR";

/** Makes `process.stderr` the stream that the launcher has named. To be called before anything is written to it. */
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
 * A stream to a file, a pipe or a socket, that has written when `write` returns, as Node's own does.
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
 * Writes all of it before it returns.
 * @param {number} fd
 * @param {Buffer} bytes
 */
export function writeFully(fd, bytes) {
  for (let at = 0; at < bytes.length;) at += writeSome(fd, bytes.subarray(at));
}

/** @returns {number} of bytes; 0 while a pipe that does not block is full */
function writeSome(/** @type {number} */ fd, /** @type {Buffer} */ bytes) {
  try {
    return writeSync(fd, bytes);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== "EAGAIN") throw error;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    return 0;
  }
}
