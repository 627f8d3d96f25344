import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { fail } from "../../src/cli/fail.ts";
import { InputError } from "../../src/node/files.ts";
import { DivergedError } from "../../src/train/stage.ts";

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

test("with --debug the error is shown as it is, with its stack and cause; the exit code stays", () => {
  const error = new InputError("a.png: permission denied", { cause: new Error("EACCES") });
  expect(fail(error, true)).toBe(2);
  expect(lines).toEqual([error]);
});
