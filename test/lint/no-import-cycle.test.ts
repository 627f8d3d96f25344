import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Linter } from "eslint";
import tseslint from "typescript-eslint";
import { afterAll, expect, test } from "vitest";
import { noImportCycle } from "../../lint/no-import-cycle.js";

const dir = mkdtempSync(path.join(tmpdir(), "mganet-cycle-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** What the rule says of the first of some files. */
function messages(files: Record<string, string>): string[] {
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(dir, name), text);
  const [name, text] = Object.entries(files)[0]!;
  const linter = new Linter({ cwd: dir });
  const config: Linter.Config = {
    files: ["**/*.ts"],
    languageOptions: { parser: tseslint.parser },
    plugins: { local: { rules: { "no-import-cycle": noImportCycle } } },
    rules: { "local/no-import-cycle": "error" },
  };
  return linter.verify(text, config, path.join(dir, name)).map(({ message }) => message);
}

test.each([
  ["a value", 'import { b } from "./b.ts"; export const a = b;'],
  ["a type", 'import type { B } from "./b.ts"; export type A = B;'],
  ["an inline type", 'import { type B } from "./b.ts"; export type A = B;'],
  ["a re-export", 'export type { B } from "./b.ts";'],
  ["everything", 'export * from "./b.ts";'],
  ["a dynamic import", 'export const a = () => import("./b.ts");'],
])("two files that import each other: %s", (_, text) => {
  expect(messages({ "a.ts": text, "b.ts": 'import type { A } from "./a.ts"; export type B = A;' })).toEqual([
    "import cycle: a.ts -> b.ts -> a.ts",
  ]);
});

test("a cycle through a third file, named on its shortest way", () => {
  const found = messages({
    "a.ts": 'import type { B } from "./b.ts"; export type A = B;',
    "b.ts": 'import "node:fs"; import type { C } from "./c.ts"; export type B = C;',
    "c.ts": 'import type { A } from "./a.ts"; export type C = A;',
  });
  expect(found).toEqual(["import cycle: a.ts -> b.ts -> c.ts -> a.ts"]);
});

test("files that import a cycle without being part of it, and files without one, pass", () => {
  const cycle = { "b.ts": 'export * from "./c.ts";', "c.ts": 'export * from "./b.ts";' };
  expect(messages({ "a.ts": 'export * from "./b.ts";', ...cycle })).toEqual([]);
  expect(messages({ "a.ts": 'export * from "./b.ts";', "b.ts": "export {};" })).toEqual([]);
});

test("a file is read again after it has changed", () => {
  const a = { "a.ts": 'export * from "./d.ts";' };
  expect(messages({ ...a, "d.ts": "export {};" })).toEqual([]);
  expect(messages({ ...a, "d.ts": 'export * from "./a.ts"; // longer' })).toHaveLength(1);
});
