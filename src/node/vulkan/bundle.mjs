// The unpacked software driver in the cache: what it consists of, and whether it is whole.
//
//   lavapipe-<distribution>-<architecture>/
//     bundle.json               versions, and every file with its size and SHA-256
//     verified.json             what the files looked like (size, times, inode) when their sums were last right
//     loader/libvulkan.so.1     apart, so that it can serve an installed driver without the libraries below
//     lib/                      the driver and every library it needs, but for the C and C++ runtime
//     icd.d/lvp_icd.json        the manifest; names the driver by a relative path
import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import { writeAtomic } from "./cache.mjs";

/** Raised when the layout above changes; bundles of another format are unpacked again. */
export const bundleFormat = 2;

/**
 * @typedef {object} Bundle
 * @property {string} folder
 * @property {string} loaderFolder for LD_LIBRARY_PATH
 * @property {string} libraryFolder for LD_LIBRARY_PATH
 * @property {string} icd manifest, for VK_ICD_FILENAMES
 * @property {string} version of Mesa's package
 * @property {string} stamp changes when the bundle does
 */

/**
 * @param {string} cache folder
 * @param {import("./distribution.mjs").Distribution} distribution a bundle fits the C library of one distribution only,
 *   and home folders are shared between machines
 * @returns {string}
 */
export function bundleFolder(cache, { id, version, codenames }) {
  const name = [id, version || codenames[0] || "rolling", process.arch].join("-").replace(/[^A-Za-z0-9._-]/g, "_");
  return path.join(cache, "vulkan", `lavapipe-${name}`);
}

/** What is noted of a file of a bundle. @typedef {{ size: number, sha256: string }} Sum */

/**
 * @param {string} file
 * @returns {Sum}
 */
export function sumOf(file) {
  const content = readFileSync(file);
  return { size: content.length, sha256: createHash("sha256").update(content).digest("hex") };
}

/**
 * Reads a bundle and checks its files. Sums of 150 MB take a good tenth of a second, so they are made again only of files
 * that have been touched since they were right (some 30 stat calls), or of all where something is wrong anyway.
 * @param {string} folder
 * @param {{ thorough?: boolean }} [options] thorough: make all sums again
 * @returns {Bundle | undefined} undefined if there is none or it is damaged
 */
export function readBundle(folder, { thorough = false } = {}) {
  try {
    const marker = JSON.parse(readFileSync(path.join(folder, "bundle.json"), "utf8"));
    if (marker.format !== bundleFormat) return undefined;
    const files = /** @type {[string, Sum][]} */ (Object.entries(marker.files));
    const before = thorough ? {} : verified(folder);
    const now = Object.fromEntries(files.map(([name]) => [name, appearance(path.join(folder, name))]));
    const touched = files.filter(([name]) => before[name] !== now[name]);
    for (const [name, { size, sha256 }] of touched) {
      const sum = sumOf(path.join(folder, name));
      if (sum.size !== size || sum.sha256 !== sha256) return undefined;
    }
    if (touched.length > 0) remember(folder, now);
    return {
      folder,
      loaderFolder: path.join(folder, "loader"),
      libraryFolder: path.join(folder, "lib"),
      icd: path.join(folder, "icd.d/lvp_icd.json"),
      version: marker.versions["mesa-vulkan-drivers"],
      stamp: marker.created,
    };
  } catch {
    return undefined;
  }
}

/**
 * @param {string} file
 * @returns {string} changes whenever the file is written to, by whatever means
 */
function appearance(file) {
  const { size, mtimeMs, ctimeMs, ino } = statSync(file);
  return [size, mtimeMs, ctimeMs, ino].join();
}

/**
 * @param {string} folder
 * @returns {Record<string, string>} what files looked like when their sums were last right
 */
function verified(folder) {
  try {
    return JSON.parse(readFileSync(path.join(folder, "verified.json"), "utf8"));
  } catch {
    return {};
  }
}

/**
 * @param {string} folder
 * @param {Record<string, string>} appearances
 */
function remember(folder, appearances) {
  try {
    writeAtomic(path.join(folder, "verified.json"), JSON.stringify(appearances));
  } catch {
    // A cache that cannot be written: the sums are made again at the next start.
  }
}
