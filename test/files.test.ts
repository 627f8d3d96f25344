/** The list of files and the table of rooms match what exists. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { fileList } from "../lint/list-files.mjs";

const read = (name: string) => readFileSync(new URL(`../${name}`, import.meta.url), "utf8");

test("docs/files.md lists every file (npm run docs:files)", () => {
  expect(fileList()).toBe(read("docs/files.md"));
});

test("every room of the lint rule is in the table of docs/architecture.md, in the same order", () => {
  const rooms = [...read("eslint.config.js").matchAll(/^ {2}"((?:src\/)?[a-z]+)",$/gm)].map(([, room]) => room);
  const table = [...read("docs/architecture.md").matchAll(/^\| `([a-z/]+)\/` \|/gm)].map(([, room]) => room);
  expect(rooms.length).toBeGreaterThan(15);
  expect(table.filter((room) => !/^(?:test|examples)$/.test(room!))).toEqual(rooms);
});

test("no file of the sources outside a model's folder names its network, but for the public entry", () => {
  const lines = fileList().matchAll(/\]\(\.\.\/(src\/[^)]+)\)/g);
  const naming = [...lines].map(([, file]) => file!).filter((file) => /\bMGANet\b/.test(read(file)));
  expect(naming.filter((file) => !file.startsWith("src/models/mganet/"))).toEqual(["src/entries/models.ts"]);
});
