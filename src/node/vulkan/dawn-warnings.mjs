// Filters Dawn's warnings about reduced limits. Native code prints them straight to descriptor 2, on lavapipe two whenever it
// enumerates adapters. They concern dynamic offsets, which this program does not use, and Dawn has no switch to silence them.
import { Transform } from "node:stream";

const warning =
  /^Warning: maxDynamic\w+ artificially reduced from \d+ to \d+ to fit dynamic offset allocation limit\.$/;
const beginning = "Warning: maxDynamic";

/** Whether further text could turn this into such a warning. */
const mayBecome = (/** @type {string} */ text) => beginning.startsWith(text) || text.startsWith(beginning);

/**
 * Filters a stream of chunks: passes every byte on at once, except these warnings' lines.
 * @returns {{ next(chunk: Buffer): Buffer, rest(): Buffer }}
 */
export function warningFilter() {
  // Bytes as Latin-1 characters, since a chunk may end within a character.
  let held = "";
  let lineBegun = false;
  return {
    next(chunk) {
      const lines = (held + chunk.toString("latin1")).split("\n");
      const last = /** @type {string} */ (lines.pop());
      let passed = "";
      held = "";
      for (const line of lines) {
        if (lineBegun || !warning.test(line)) passed += `${line}\n`;
        lineBegun = false;
      }
      if (!lineBegun && mayBecome(last)) held = last;
      else {
        passed += last;
        lineBegun ||= last !== "";
      }
      return Buffer.from(passed, "latin1");
    },
    rest: () => Buffer.from(held, "latin1"),
  };
}

/** `warningFilter` as a stream. */
export function withoutDawnWarnings() {
  const filter = warningFilter();
  return new Transform({
    transform: (/** @type {Buffer} */ chunk, _encoding, done) => done(null, filter.next(chunk)),
    flush: (done) => done(null, filter.rest()),
  });
}
