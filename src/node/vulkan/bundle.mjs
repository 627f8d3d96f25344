// The unpacked software driver in the cache: its layout, and checks that it is intact.
//
//   lavapipe-<distribution>-<architecture>/
//     bundle.json               versions, and every file with its size and SHA-256
//     verified.json             the files' metadata (size, times, inode) when their checksums last matched
//     loader/libvulkan.so.1     separate, so that it can serve an installed driver without the libraries below
//     lib/                      the driver and every library it needs, except the C and C++ runtime
//     icd.d/lvp_icd.json        the manifest; names the driver by a relative path
import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import { writeAtomic } from "./cache.mjs";

/** Incremented when the layout above changes; bundles of another format are unpacked again. */
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

/** What is recorded about a bundle's file. @typedef {{ size: number, sha256: string }} Sum */

/**
 * @param {string} file
 * @returns {Sum}
 */
export function sumOf(file) {
  const content = readFileSync(file);
  return { size: content.length, sha256: createHash("sha256").update(content).digest("hex") };
}

/**
 * Reads a bundle and checks its files. Checksums of 150 MB take over 0.1 s, so they are recomputed only for files touched since
 * they last matched (some 30 stat calls), or for all if something is wrong anyway.
 * @param {string} folder
 * @param {{ thorough?: boolean }} [options] thorough: recompute all checksums
 * @returns {Bundle | undefined} undefined if missing or damaged
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
 * @returns {string} changes whenever the file is written to, by any means
 */
function appearance(file) {
  const { size, mtimeMs, ctimeMs, ino } = statSync(file);
  return [size, mtimeMs, ctimeMs, ino].join();
}

/**
 * @param {string} folder
 * @returns {Record<string, string>} the files' metadata when their checksums last matched
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
    // The cache is not writable: the checksums are recomputed at the next start.
  }
}
