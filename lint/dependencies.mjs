/** What is installed for some packages, by the lock file: they, and all that they depend on. */
import { readFileSync } from "node:fs";

/** @typedef {{ version: string, license?: string, os?: string[], cpu?: string[], libc?: string[], optional?: boolean, dependencies?: Record<string, string>, optionalDependencies?: Record<string, string> }} Entry */
/** @typedef {{ dependencies: Record<string, string>, peerDependencies: Record<string, string> }} Root */

/** @type {{ packages: Record<string, Entry> & { "": Root } }} */
const { packages } = JSON.parse(readFileSync(new URL("../package-lock.json", import.meta.url), "utf8"));

/** Packages of the library, and those that the command line needs besides. */
export const ofLibrary = Object.keys(packages[""].dependencies);
export const ofCommandLine = Object.keys(packages[""].peerDependencies);

/** Where a package finds another: in its own folder, or in the nearest around it. @param {string} from @param {string} name */
function find(from, name) {
  const folders = from.split("/node_modules/").map((_, i, all) => all.slice(0, all.length - i).join("/node_modules/"));
  const places = [...(from ? folders.map((folder) => `${folder}/`) : []), ""].map((at) => `${at}node_modules/${name}`);
  return places.find((at) => packages[at] !== undefined);
}

/**
 * @param {readonly string[]} names
 * @returns {Map<string, Entry>} by place, such as node_modules/d3-array, in order
 */
export function closure(names) {
  /** @type {Map<string, Entry>} */
  const found = new Map();
  const add = (/** @type {string} */ from, /** @type {string} */ name) => {
    const at = find(from, name);
    const entry = at === undefined ? undefined : packages[at];
    if (at === undefined || !entry || found.has(at)) return;
    found.set(at, entry);
    for (const next of Object.keys({ ...entry.dependencies, ...entry.optionalDependencies })) add(at, next);
  };
  for (const name of names) add("", name);
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}
