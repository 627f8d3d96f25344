// The environment variables under which Dawn finds the chosen driver.
import { mkdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import path from "node:path";

/** Set to the kind of the choice once the variables below are in place: nothing is left to decide. */
export const readyVariable = "MGANET_VULKAN";

/** Mesa's lavapipe uses at most this many threads (LP_MAX_THREADS). */
const maxThreads = 32;

/**
 * @typedef {object} Choice
 * @property {"system" | "installed" | "loader" | "unpacked"} kind system: the unchanged environment. installed: one installed
 *   driver, named to the loader. loader: the installed drivers through the unpacked loader. unpacked: the unpacked driver
 * @property {string} [icd] manifest, if the loader needs one
 * @property {string[]} libraryFolders for LD_LIBRARY_PATH
 * @property {string} description of the adapter
 * @property {boolean} software whether it runs on the CPU
 */

/**
 * The variables that point the Vulkan loader to a driver.
 * @param {Pick<Choice, "icd" | "libraryFolders">} choice
 * @param {NodeJS.ProcessEnv} env
 * @returns {Record<string, string>}
 */
export function driverVariables({ icd, libraryFolders }, env) {
  /** @type {Record<string, string>} */
  const set = {};
  if (icd) set.VK_ICD_FILENAMES = icd;
  // If both are set, the newer name wins in the loader.
  if (icd && env.VK_DRIVER_FILES) set.VK_DRIVER_FILES = icd;
  if (libraryFolders.length > 0)
    set.LD_LIBRARY_PATH = [...libraryFolders, ...(env.LD_LIBRARY_PATH ? [env.LD_LIBRARY_PATH] : [])].join(":");
  return set;
}

/**
 * All variables to set for a choice; the user's own values stay. Creates the folders they name.
 * @param {Choice} choice
 * @param {NodeJS.ProcessEnv} env
 * @param {string} cache folder
 * @returns {Record<string, string>}
 */
export function variablesFor(choice, env, cache) {
  /** @type {Record<string, string>} */
  const set = { ...driverVariables(choice, env), [readyVariable]: choice.kind };
  if (!choice.software) return set;
  const give = (/** @type {string} */ variable, /** @type {string} */ name) => {
    if (env[variable]) return;
    const folder = path.join(cache, name);
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      set[variable] = folder;
    } catch {
      // The cache is not writable: everything works without, only slower.
    }
  };
  // lavapipe splits each dispatch into equal parts in advance; two threads per core even out their run times.
  if (!env.LP_NUM_THREADS) set.LP_NUM_THREADS = String(Math.min(2 * availableParallelism(), maxThreads));
  // The loader warns without one. It must be private to the user.
  give("XDG_RUNTIME_DIR", "runtime");
  give("MESA_SHADER_CACHE_DIR", "mesa");
  return set;
}

/**
 * Lines for `eval` in a POSIX shell.
 * @param {Record<string, string>} variables
 * @returns {string}
 */
export function shellExports(variables) {
  return Object.entries(variables)
    .map(([name, value]) => `export ${name}='${value.replaceAll("'", "'\\''")}'\n`)
    .join("");
}
