/** Writes THIRD-PARTY.md: the packages that the library and its command line install, with their licences. `npm run docs:licences`. */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { closure, ofCommandLine, ofLibrary } from "./dependencies.mjs";

/** The packages that this one's own files do not contain, and that npm installs. @returns {string} */
export function licenceList() {
  const library = closure(ofLibrary);
  const besides = new Map([...closure(ofCommandLine)].filter(([at]) => !library.has(at)));
  const table = (/** @type {typeof library} */ entries) => {
    const rows = [...entries].map(([at, { version, license }]) => {
      const name = at.slice(at.lastIndexOf("node_modules/") + "node_modules/".length);
      if (!license) throw new Error(`${name} ${version} states no licence in package-lock.json`);
      return `| ${name} | ${version} | ${license} |`;
    });
    return `| package | version | licence |\n| --- | --- | --- |\n${[...new Set(rows)].join("\n")}\n`;
  };
  return `# Third-party packages

Written by \`npm run docs:licences\` from package-lock.json, where npm records what each package states. None of them is part of
mganet-webgpu's own files: npm installs them, each with its licence text. The versions are those that were tested.

## The library

${table(library)}
## The command line

What it needs besides, with the binaries of every platform, of which npm installs one.

${table(besides)}`;
}

const target = new URL("../THIRD-PARTY.md", import.meta.url);
if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(target, licenceList());
