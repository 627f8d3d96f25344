// Finds the shared libraries that a library needs, as the dynamic linker itself resolves them (ldd).
import { LaunchError } from "./errors.mjs";
import { run } from "./run.mjs";

/**
 * Libraries that always come from the system: the C library and its parts, and the two that Node itself needs.
 * A process cannot have two copies of them, so they must never come from the unpacked packages.
 */
const base =
  /^(ld-linux.*|linux-vdso|linux-gate|libc|libm|libdl|librt|libpthread|libresolv|libutil|libgcc_s|libstdc\+\+)\.so/;

/**
 * @param {string} name of a library, e.g. "libc.so.6"
 * @returns {boolean} whether it always comes from the system
 */
export function isBaseLibrary(name) {
  return base.test(name.split("/").at(-1) ?? "");
}

/**
 * Parses ldd's output.
 * @param {string} text
 * @returns {{ found: Map<string, string>, missing: string[] }} found: requested name → path, without base libraries
 */
export function parseLdd(text) {
  /** @type {Map<string, string>} */
  const found = new Map();
  const missing = [];
  for (const line of text.split("\n")) {
    const match = /^\s*(\S+) => (not found|\/.*?)(?: \(0x[0-9a-f]+\))?$/.exec(line);
    if (!match) continue;
    const [, name = "", file = ""] = match;
    if (file === "not found") missing.push(name);
    else if (!isBaseLibrary(name)) found.set(name, file);
  }
  return { found, missing };
}

/**
 * All libraries that a library needs, directly or indirectly, except base libraries.
 * @param {string} library
 * @param {string[]} folders searched before the system's own
 * @returns {Promise<Map<string, string>>} requested name → path
 * @throws {LaunchError} if one is missing
 */
export async function closureOf(library, folders) {
  const { code, stdout, stderr } = await run("ldd", [library], {
    env: { ...process.env, LD_LIBRARY_PATH: folders.join(":"), LC_ALL: "C" },
    timeout: 30_000,
  });
  if (code !== 0) throw new LaunchError(`ldd cannot read ${library}: ${stderr.trim()}`);
  const { found, missing } = parseLdd(stdout);
  if (missing.length > 0) throw new LaunchError(`${library} needs ${missing.join(", ")}, which no package provides`);
  return found;
}
