import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { fail } from "../../src/cli/fail.ts";
import { InputError } from "../../src/node/files.ts";
import { openGpu } from "../../src/node/open-gpu.ts";
import { DivergedError } from "../../src/loop/diverged.ts";

let lines: unknown[];
beforeEach(() => {
  lines = [];
  vi.spyOn(console, "error").mockImplementation((line) => void lines.push(line));
});
afterEach(() => vi.restoreAllMocks());

test("what the user can mend is one line, and exit code 2", () => {
  expect(fail(new InputError("a.png: no such file or folder"), false)).toBe(2);
  expect(fail(new DivergedError("step 3: not\n finite"), false)).toBe(2);
  expect(lines).toEqual(["Error: a.png: no such file or folder", "Error: step 3: not; finite"]);
});

test("what is unexpected says how to find out more, and is exit code 1", () => {
  expect(fail(new TypeError("x is not a function"), false)).toBe(1);
  expect(fail("thrown text", false)).toBe(1);
  expect(lines).toEqual([
    "Unexpected error: x is not a function",
    "Run the command again with --debug for details.",
    "thrown text",
    "Run the command again with --debug for details.",
  ]);
});

test("a limit on open files says how to raise it", () => {
  expect(fail(Object.assign(new Error("EMFILE: too many open files, open 'x'"), { code: "EMFILE" }), false)).toBe(2);
  expect(lines).toEqual(["Error: too many files are open; raise the limit: ulimit -n 1024"]);
});

test("with --debug the error is shown as it is, with its stack and cause; the exit code stays", () => {
  const error = new InputError("a.png: permission denied", { cause: new Error("EACCES") });
  expect(fail(error, true)).toBe(2);
  expect(lines).toEqual([error]);
});

test("memory that does not suffice is for the user to mend; other errors of the device are unexpected", async () => {
  const report = async (error: GPUError) => {
    const gpu = await openGpu();
    try {
      gpu.device.onuncapturederror!({ error, preventDefault() {} } as GPUUncapturedErrorEvent);
      gpu.check();
      return undefined;
    } catch (failure) {
      return fail(failure, false);
    } finally {
      gpu.destroy();
    }
  };
  await openGpu().then((gpu) => gpu.destroy()); // Makes WebGPU's classes known.
  expect(await report(new GPUOutOfMemoryError("out of memory"))).toBe(2);
  expect(await report(new GPUValidationError("wrong usage"))).toBe(1);
  expect(lines).toEqual([
    "Error: out of GPU memory: use a smaller batch, size or width",
    "Unexpected error: wrong usage",
    "Run the command again with --debug for details.",
  ]);
});
