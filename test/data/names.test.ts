/** Names within a set are taken apart as node:path does. */
import path from "node:path";
import { expect, test } from "vitest";
import { bareOf, baseOf, extensionOf, folderOf, normalName } from "../../src/data/layouts/names.ts";

const parts = ["a", "b.png", ".c", "d.e.f", ".", "..", "...", "g.", ""];
/** All names of up to three parts, with and without a slash at either end. */
const names = ["", ...parts].flatMap((a) =>
  ["", ...parts].flatMap((b) => parts.flatMap((c) => ["", "/"].map((end) => `${[a, b, c].join("/")}${end}`))),
);

test("normal names are POSIX's, and so are their folders", () => {
  for (const name of [...names, ...names.map((name) => name.replace(/^\/+/, ""))]) {
    const normal = path.posix.normalize(name);
    expect(normalName(name), name).toBe(normal);
    expect(folderOf(normal), normal).toBe(path.posix.dirname(normal));
  }
});

test("base names, extensions and what is left without them are POSIX's", () => {
  for (const name of names.filter((name) => !name.endsWith("/"))) {
    const { base, name: bare, ext } = path.posix.parse(name);
    expect([baseOf(name), bareOf(name), extensionOf(name)], name).toEqual([base, bare, ext]);
  }
});
