/** Writes docs/files.md: every file of the sources with the first sentence of its header. `npm run docs:files`. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
const TARGET = path.join(root, "docs/files.md");

/** The first sentence of the comment that a file begins with; undefined where it begins with none. @param {string} text */
export function headerOf(text) {
  const comment = /^(?:#!.*\n)?(?:\/\*\*([^]*?)\*\/|((?:\/\/.*\n)+))/.exec(text);
  if (!comment) return undefined;
  const words = (comment[1] ?? comment[2] ?? "")
    .replace(/^\s*(?:\*|\/\/) ?/gm, "")
    .replace(/\s+/g, " ")
    .trim();
  const sentence = /^.*?[.!?](?=\s|$)/.exec(words)?.[0] ?? words;
  return sentence.replaceAll("|", "\\|").replaceAll("<", "&lt;");
}

/** Source files below a folder, in order. @param {string} folder @returns {string[]} */
function filesBelow(folder) {
  return readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(?:ts|mjs)$/.test(name))
    .map((name) => `${folder}/${name.replaceAll("\\", "/")}`)
    .sort();
}

/** The document. @returns {string} */
export function fileList() {
  const files = ["shaders", "src", "bench"].flatMap(filesBelow);
  /** @type {Map<string, string[]>} */
  const folders = new Map();
  for (const file of files) {
    const folder = path.posix.dirname(file);
    const line = headerOf(readFileSync(path.join(root, file), "utf8"));
    if (line === undefined) throw new Error(`${file}: begins with no comment that says what it is`);
    folders.set(folder, [...(folders.get(folder) ?? []), `| [${path.posix.basename(file)}](../${file}) | ${line} |`]);
  }
  const sections = [...folders].map(([folder, lines]) => {
    return `## ${folder}\n\n| file | what it is |\n| --- | --- |\n${lines.join("\n")}\n`;
  });
  return `# Files\n\nWritten by \`npm run docs:files\` from the first sentence of each file. The rooms, and who may import whom: [architecture.md](architecture.md).\n\n${sections.join("\n")}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(TARGET, fileList());
