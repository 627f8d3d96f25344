// Identifies the Linux distribution, and which of its packages contain a software Vulkan driver that Dawn accepts.
import { readFileSync } from "node:fs";

/**
 * @typedef {object} Distribution
 * @property {string} id `ID` of os-release: "debian", "ubuntu", ...; "linux" if there is no os-release
 * @property {string[]} like `ID_LIKE`: what it derives from, nearest first
 * @property {string} version `VERSION_ID`; empty for Debian testing and sid
 * @property {string[]} codenames names of its package archives: its own first, then those of what it derives from
 * @property {string} name for display
 */

/**
 * Parses os-release(5).
 * @param {string} text
 * @returns {Distribution}
 */
export function parseOsRelease(text) {
  /** @type {Record<string, string>} */
  const field = {};
  for (const line of text.split("\n")) {
    const match = /^([A-Z0-9_]+)=(.*)$/.exec(line.trim());
    if (!match) continue;
    const [, name = "", value = ""] = match;
    field[name] = value.replace(/^(["'])(.*)\1$/, "$2").replace(/\\(["'$`\\])/g, "$1");
  }
  const codenames = [field.VERSION_CODENAME, field.UBUNTU_CODENAME, field.DEBIAN_CODENAME].filter((name) => !!name);
  return {
    id: field.ID || "linux",
    like: (field.ID_LIKE ?? "").split(/\s+/).filter(Boolean),
    version: field.VERSION_ID ?? "",
    codenames: [...new Set(/** @type {string[]} */ (codenames))],
    name: field.PRETTY_NAME || field.NAME || "this Linux",
  };
}

/**
 * @param {string} [root] of the file system, for tests
 * @returns {Distribution}
 */
export function readDistribution(root = "/") {
  for (const file of ["etc/os-release", "usr/lib/os-release"]) {
    try {
      return parseOsRelease(readFileSync(`${root.replace(/\/$/, "")}/${file}`, "utf8"));
    } catch {
      // Try the next location.
    }
  }
  return parseOsRelease("");
}

/**
 * The suites to take packages from, and the one to prefer.
 *
 * Known to work, all on x64: Debian 12 with its backports (Dawn refuses its own Mesa, 22.3, for lack of
 * shaderUniformBufferArrayDynamicIndexing), Debian 13 and Ubuntu 24.04 with their own Mesa. Untested: everything else.
 * @param {Distribution} distribution
 * @returns {{ codenames: string[], backports: string | undefined }}
 */
export function suitesOf(distribution) {
  const codenames = [...distribution.codenames];
  if (distribution.id === "debian" && distribution.version === "") codenames.push("testing", "sid", "unstable");
  return { codenames, backports: codenames.includes("bookworm") ? "bookworm-backports" : undefined };
}

/**
 * The command that installs a software driver on this distribution (untested except on Debian).
 * @param {Distribution} distribution
 * @returns {string}
 */
export function installHint(distribution) {
  const is = (/** @type {string[]} */ ...ids) => ids.some((id) => [distribution.id, ...distribution.like].includes(id));
  if (is("debian", "ubuntu")) {
    const { backports } = suitesOf(distribution);
    return `sudo apt install ${backports ? `-t ${backports} ` : ""}libvulkan1 mesa-vulkan-drivers`;
  }
  if (is("fedora", "rhel")) return "sudo dnf install vulkan-loader mesa-vulkan-drivers";
  if (is("arch")) return "sudo pacman -S vulkan-icd-loader vulkan-swrast";
  if (is("suse", "opensuse")) return "sudo zypper install libvulkan1 libvulkan_lvp";
  return "your distribution's packages of the Vulkan loader and of Mesa's Vulkan drivers (lavapipe)";
}
