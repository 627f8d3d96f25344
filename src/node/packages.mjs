// Which packages a command needs beyond the library's own, its optional peer dependencies: who imports the core into a page should
// not install Dawn and image decoders. Says what to install where one is missing.
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { LaunchError } from "./vulkan/errors.mjs";

/** The folder of package.json, whether run from sources or from a build. */
export const packageRoot = findRoot(path.dirname(fileURLToPath(import.meta.url)));

/**
 * @param {string} folder
 * @returns {string}
 */
function findRoot(folder) {
  return existsSync(path.join(folder, "package.json")) ? folder : findRoot(path.dirname(folder));
}

/** What is read of package.json. @typedef {{ version: string, peerDependencies: Record<string, string>, scripts: Record<string, string>, files: string[] }} Manifest */

/** @type {Manifest} */
export const manifest = JSON.parse(readFileSync(path.join(packageRoot, "package.json"), "utf8"));

/** Loaded by few: Dawn by commands that compute, decoders by compressed DICOM images. */
const onDemand = ["webgpu", "dcmjs-codecs"];

const { resolve } = createRequire(import.meta.url);

/** @param {string} name of a package */
function isMissing(name) {
  try {
    resolve(name);
    return false;
  } catch (error) {
    // Others are there, and have nothing for require().
    return /** @type {NodeJS.ErrnoException} */ (error).code === "MODULE_NOT_FOUND";
  }
}

/**
 * The command that installs these packages, in the versions that were tested.
 * @param {readonly string[]} names
 */
export const installCommand = (names) =>
  `npm install ${names.map((name) => `${name}@${manifest.peerDependencies[name]?.replace("^", "") ?? "latest"}`).join(" ")}`;

/**
 * What to say where an import of a package has failed.
 * @param {string} name
 * @returns {string | undefined} undefined if it is installed
 */
export const missing = (name) =>
  isMissing(name) ? `the package ${name} is not installed; install it with:  ${installCommand([name])}` : undefined;

/**
 * Checks that all is there that a command needs.
 * @param {{ adapter: boolean, of?: readonly string[], isAbsent?: (name: string) => boolean }} options adapter: whether the command computes;
 *   of: the packages that it may need, where they are fewer than all; isAbsent: for tests
 * @throws {LaunchError} with the command that installs all that is missing for any command
 */
export function requirePackages({ adapter, of = Object.keys(manifest.peerDependencies), isAbsent = isMissing }) {
  const absent = of.filter(isAbsent);
  if (!absent.some((name) => !onDemand.includes(name) || (adapter && name === "webgpu"))) return;
  const what = absent.length === 1 ? `the package ${absent[0]}` : `${absent.length} packages`;
  const them = absent.length === 1 ? "it" : "them";
  throw new LaunchError(
    `the command line needs ${what} beyond the library's own; install ${them} with:  ${installCommand(absent)}`,
  );
}
