// Finds installed Vulkan drivers: the manifests ("installable client drivers") that the Vulkan loader would find.
import { readdirSync, statSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";

/**
 * The folders the loader searches, per "LoaderDriverInterface" of the Vulkan loader's documentation.
 * @param {NodeJS.ProcessEnv} env
 * @param {string} [root] of the file system, for tests
 * @returns {string[]}
 */
export function icdFolders(env, root = "/") {
  const list = (/** @type {string | undefined} */ value, /** @type {string} */ fallback) =>
    (value || fallback).split(":").filter((p) => path.isAbsolute(p));
  const home = env.HOME || homedir();
  const bases = [
    ...list(env.XDG_CONFIG_HOME, path.join(home, ".config")),
    ...list(env.XDG_CONFIG_DIRS, "/etc/xdg"),
    "/etc",
    ...list(env.XDG_DATA_HOME, path.join(home, ".local/share")),
    ...list(env.XDG_DATA_DIRS, "/usr/local/share:/usr/share"),
  ];
  return [...new Set(bases)].map((base) => path.join(root, base, "vulkan/icd.d"));
}

/**
 * @typedef {object} Manifest
 * @property {string} file
 * @property {string} stamp changes when the file does
 */

/**
 * The driver manifests in the given folders.
 * @param {string[]} folders
 * @returns {Manifest[]}
 */
export function findManifests(folders) {
  return folders.flatMap((folder) => {
    let names;
    try {
      names = readdirSync(folder).filter((name) => name.endsWith(".json"));
    } catch {
      return [];
    }
    return names.sort().flatMap((name) => {
      const file = path.join(folder, name);
      const stat = statSync(file, { throwIfNoEntry: false });
      return stat?.isFile() ? [{ file, stamp: `${stat.size}:${stat.mtimeMs}` }] : [];
    });
  });
}

/** Manifest names of drivers that run on the CPU: Mesa's lavapipe, Google's SwiftShader. Fastest first. */
const software = [/^lvp_icd/, /swiftshader/];

/**
 * The manifests of software drivers, fastest first.
 * @param {Manifest[]} manifests
 * @returns {Manifest[]}
 */
export function softwareManifests(manifests) {
  return software.flatMap((pattern) => manifests.filter(({ file }) => pattern.test(path.basename(file))));
}
