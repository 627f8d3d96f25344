/**
 * ESLint's rule against files that import each other, types included: whoever wants to understand one has to read all of them. (The rules of
 * eslint-plugin-import and its forks skip `import type`.)
 */
import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import ts from "typescript";

/** Imports of files that have not changed since. @type {Map<string, { changed: number, imports: string[] }>} */
const known = new Map();

/** The files that a file imports by relative paths, type imports and re-exports included. @param {string} file */
function importsOf(file) {
  const changed = statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  let entry = known.get(file);
  if (entry?.changed !== changed) {
    entry = { changed, imports: changed === 0 ? [] : parse(file, readFileSync(file, "utf8")) };
    known.set(file, entry);
  }
  return entry.imports;
}

/** @param {string} file @param {string} text */
function parse(file, text) {
  return ts
    .preProcessFile(text)
    .importedFiles.filter(({ fileName }) => /^\.{1,2}\//.test(fileName))
    .map(({ fileName }) => path.resolve(path.dirname(file), fileName));
}

/** A shortest way by imports from one file to another; undefined where there is none. @param {string} from @param {string} to */
function route(from, to) {
  /** @type {Map<string, string | undefined>} */
  const before = new Map([[from, undefined]]);
  for (const file of before.keys()) {
    if (file === to) {
      /** @type {string[]} */
      const way = [];
      for (let at = /** @type {string | undefined} */ (file); at !== undefined; at = before.get(at)) way.unshift(at);
      return way;
    }
    for (const next of importsOf(file)) if (!before.has(next)) before.set(next, file);
  }
  return undefined;
}

/** @type {import("eslint").Rule.RuleModule} */
export const noImportCycle = {
  meta: { type: "problem", schema: [], messages: { cycle: "import cycle: {{ way }}" } },
  create(context) {
    const file = context.filename;
    /** @param {import("estree").Node & { source?: unknown }} node */
    const check = (node) => {
      const name = /** @type {{ value?: unknown } | null | undefined} */ (node.source)?.value;
      if (typeof name !== "string" || !/^\.{1,2}\//.test(name)) return;
      const way = route(path.resolve(path.dirname(file), name), file);
      if (!way) return;
      const shown = [file, ...way].map((at) => path.relative(context.cwd, at)).join(" -> ");
      context.report({ node, messageId: "cycle", data: { way: shown } });
    };
    return {
      ImportDeclaration: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
      ImportExpression: check,
    };
  },
};
