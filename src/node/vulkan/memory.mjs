// Remembers the chosen adapter, so that a start need not probe Dawn again (about 0.2 s per probe): one file in the cache per
// machine state that a choice depends on.
import { createHash } from "node:crypto";
import { accessSync, constants, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { writeAtomic } from "./cache.mjs";

/** @typedef {import("./environment.mjs").Choice} Choice */

/** A choice expires after this many milliseconds: whatever made a GPU fail may have passed without a trace. */
const maxAge = 24 * 3600e3;

/** Variables that change what Dawn and the Vulkan loader find. */
const telling = [
  "DAWNNODE_BACKEND",
  "LD_LIBRARY_PATH",
  "VK_ADD_DRIVER_FILES",
  "VK_DRIVER_FILES",
  "VK_ICD_FILENAMES",
  "VK_LOADER_DRIVERS_DISABLE",
  "VK_LOADER_DRIVERS_SELECT",
];

/**
 * The device nodes of GPUs, each with whether this user may open it.
 * @param {string} [root] of the file system, for tests
 * @returns {string[]}
 */
export function deviceNodes(root = "/") {
  const list = (/** @type {string} */ folder, /** @type {RegExp} */ pattern) => {
    try {
      const names = readdirSync(path.join(root, folder)).sort();
      return names.filter((name) => pattern.test(name)).map((name) => path.join(root, folder, name));
    } catch {
      return [];
    }
  };
  const nodes = [...list("dev", /^(nvidia\d*|nvidiactl|dxg|mali\d*|kgsl-3d0)$/), ...list("dev/dri", /^(card|renderD)/)];
  return nodes.map((node) => {
    try {
      accessSync(node, constants.R_OK | constants.W_OK);
      return node;
    } catch {
      return `${node} (no access)`;
    }
  });
}

/** @returns {string} the version of the webgpu package; empty if it is unknown */
function webgpuVersion() {
  try {
    const main = fileURLToPath(import.meta.resolve("webgpu"));
    return JSON.parse(readFileSync(path.join(path.dirname(main), "package.json"), "utf8")).version;
  } catch {
    return "";
  }
}

/**
 * The path where the choice for the machine's current state is stored.
 * @param {string} cache folder
 * @param {object} state
 * @param {NodeJS.ProcessEnv} state.env
 * @param {string} state.root of the file system
 * @param {import("./icd.mjs").Manifest[]} state.manifests installed drivers
 * @param {unknown} state.bundle the unpacked driver
 * @returns {string} a path, different for every state
 */
export function choiceFile(cache, { env, root, manifests, bundle }) {
  const state = {
    variables: telling.map((name) => env[name] ?? ""),
    manifests,
    bundle,
    devices: deviceNodes(root),
    // Changes when a library is installed, such as the Vulkan loader.
    libraries: statSync(path.join(root, "etc/ld.so.cache"), { throwIfNoEntry: false })?.mtimeMs,
    webgpu: webgpuVersion(),
  };
  const hash = createHash("sha256").update(JSON.stringify(state)).digest("hex").slice(0, 16);
  return path.join(cache, "vulkan", `choice-${hash}.json`);
}

/**
 * @param {string} file
 * @returns {boolean} whether it exists and is not too old
 */
function isRecent(file) {
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat !== undefined && Date.now() - stat.mtimeMs < maxAge;
}

/**
 * @param {string} file
 * @returns {Choice | undefined} undefined if missing, too old or damaged
 */
export function readChoice(file) {
  try {
    const choice = isRecent(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
    return isChoice(choice) ? choice : undefined;
  } catch {
    return undefined;
  }
}

/**
 * @param {Partial<Choice> | null | undefined} value
 * @returns {value is Choice}
 */
function isChoice(value) {
  return (
    ["system", "installed", "loader", "unpacked"].includes(value?.kind ?? "") &&
    Array.isArray(value?.libraryFolders) &&
    value.libraryFolders.every((folder) => typeof folder === "string") &&
    typeof value.description === "string" &&
    typeof value.software === "boolean" &&
    (value.icd === undefined ? value.kind === "system" || value.kind === "loader" : typeof value.icd === "string")
  );
}

/**
 * Stores a choice, and deletes outdated ones. An unwritable cache only costs time at the next start.
 * @param {string} file
 * @param {Choice} choice
 */
export function writeChoice(file, choice) {
  try {
    writeAtomic(file, JSON.stringify(choice));
    const folder = path.dirname(file);
    for (const name of readdirSync(folder).filter((n) => n.startsWith("choice-")))
      if (!isRecent(path.join(folder, name))) rmSync(path.join(folder, name), { force: true });
  } catch {
    // See above.
  }
}
