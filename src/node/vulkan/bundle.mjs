// The unpacked software driver in the cache: what it consists of, and whether it is whole.
//
//   lavapipe-<distribution>-<architecture>/
//     bundle.json               versions, and every file with its size
//     loader/libvulkan.so.1     apart, so that it can serve an installed driver without the libraries below
//     lib/                      the driver and every library it needs, but for the C and C++ runtime
//     icd.d/lvp_icd.json        the manifest; names the driver by a relative path
import { readFileSync, statSync } from "node:fs";
import path from "node:path";

/** Raised when the layout above changes; bundles of another format are unpacked anew. */
export const bundleFormat = 1;

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

/**
 * Reads a bundle and checks that each of its files is there with the size it was unpacked with (some 30 stat calls).
 * @param {string} folder
 * @returns {Bundle | undefined} undefined if there is none or it is damaged
 */
export function readBundle(folder) {
  try {
    const marker = JSON.parse(readFileSync(path.join(folder, "bundle.json"), "utf8"));
    if (marker.format !== bundleFormat) return undefined;
    const files = /** @type {[string, number][]} */ (Object.entries(marker.files));
    for (const [file, size] of files) if (statSync(path.join(folder, file)).size !== size) return undefined;
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
