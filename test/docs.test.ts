/** Links between the documents: every target file and heading exists. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
/** Folders whose documents are nobody's here. */
const foreign = ["node_modules", "dist", "runs", "shared"];

function documentsIn(folder: string): string[] {
  return readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const file = path.join(folder, entry.name);
    if (entry.isFile()) return entry.name.endsWith(".md") ? [file] : [];
    return entry.isDirectory() && !entry.name.startsWith(".") && !foreign.includes(file) ? documentsIn(file) : [];
  });
}

/** Without fenced and indented code, and without code in a line. */
function prose(markdown: string): string {
  return markdown
    .replace(/^ *```[^]*?^ *```$/gm, "")
    .replace(/^ {4,}(?![-*\d]).*$/gm, "")
    .replace(/`[^`\n]*`/g, (code) => code.replace(/[[\]()]/g, ""));
}

/** The anchors of a document's headings, by GitHub's rule. */
function anchorsOf(markdown: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, text] of markdown.replace(/^ *```[^]*?^ *```$/gm, "").matchAll(/^#{1,6} +(.+?) *#*$/gm)) {
    const plain = text!.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
    const slug = plain.replace(/[^\p{L}\p{N}\p{M}_ -]/gu, "").replaceAll(" ", "-");
    let anchor = slug;
    for (let i = 1; anchors.has(anchor); i++) anchor = `${slug}-${i}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** What is wrong with the links of a document, a line each. */
function brokenLinks(file: string, markdown: string): string[] {
  const text = prose(markdown);
  const targets = [
    ...[...text.matchAll(/\]\(([^()\s]+)(?: "[^"]*")?\)/g)].map(([, target]) => target!),
    ...[...text.matchAll(/^\[[^\]]+\]: +(\S+)/gm)].map(([, target]) => target!),
    ...[...text.matchAll(/<(?:img|a)\b[^>]*?\b(?:src|href)="([^"]+)"/g)].map(([, target]) => target!),
  ];
  return targets.flatMap((target) => {
    if (/^[a-z][a-z+.-]*:/i.test(target)) return [];
    const [name, anchor] = target.split("#") as [string, string?];
    const other = name === "" ? file : path.join(path.dirname(file), decodeURIComponent(name));
    if (other !== file && !existsSync(path.join(root, other))) return [`${file}: ${target}: there is no such file`];
    if (anchor === undefined || !other.endsWith(".md")) return [];
    const there = other === file ? markdown : readFileSync(path.join(root, other), "utf8");
    return anchorsOf(there).has(anchor) ? [] : [`${file}: ${target}: there is no such heading`];
  });
}

const documents = documentsIn(".");

test("all documents are looked at", () => {
  for (const file of ["README.md", "docs/architecture.md", "docs/how-to/README.md", "test/reference/README.md"]) {
    expect(documents).toContain(file);
  }
});

test.each(documents)("the links of %s lead somewhere", (file) => {
  expect(brokenLinks(file, readFileSync(path.join(root, file), "utf8"))).toEqual([]);
});

describe("a broken link is found", () => {
  const heading = "# A `code`, and a [link](README.md)\n## Same\n## Same\n";
  test.each([
    ["[a](nowhere.md)", "there is no such file"],
    ["![a](docs/nowhere.png)", "there is no such file"],
    ['<img src="docs/nowhere.png">', "there is no such file"],
    ["[a]: nowhere.md", "there is no such file"],
    ["[a](#nowhere)", "there is no such heading"],
    ["[a](README.md#nowhere)", "there is no such heading"],
    ["[a](#same-2)", "there is no such heading"],
  ])("%s", (link, reason) => {
    expect(brokenLinks("x.md", `${heading}${link}`)).toEqual([expect.stringContaining(reason)]);
  });

  test.each([
    "[a](#a-code-and-a-link)",
    "[a](#same-1)",
    "[a](README.md)",
    "[a](docs)",
    "[a](https://example.org/nowhere.md)",
    "`[a](nowhere.md)`",
    "```\n[a](nowhere.md)\n```",
  ])("and %s is good", (link) => expect(brokenLinks("x.md", `${heading}${link}`)).toEqual([]));
});
