// Makes sure that only this user can write to the cache: its libraries and machine code run with this user's rights.
import { mkdirSync, readdirSync, statSync } from "node:fs";
import path from "node:path";
import { LaunchError } from "./errors.mjs";

/** Write permission of the group and of others. */
const GROUP_AND_OTHERS = 0o022;
const OTHERS = 0o002;
/** In a folder with this bit, such as /tmp, only a file's owner may rename or remove it. */
const STICKY = 0o1000;

/**
 * @param {string} file
 * @returns {import("node:fs").Stats | undefined} of a link's target
 */
const look = (file) => statSync(file, { throwIfNoEntry: false });

/**
 * Creates the cache folder, private to this user, if it does not exist, and checks that no one else can write to anything that
 * code is loaded from: the folder, its parents, and the drivers and shaders in it. A cache that cannot be created is no
 * obstacle: everything works without, only slower.
 *
 * @param {string} cache
 * @param {number | undefined} [user] id of this user; undefined if the system has none
 * @throws {LaunchError} that says which folder, who can write there and what to do
 */
export function openCache(cache, user = process.getuid?.()) {
  if (user === undefined) return;
  try {
    mkdirSync(cache, { recursive: true, mode: 0o700 });
  } catch {
    if (!look(cache)?.isDirectory()) return;
  }
  for (const file of [cache, ...codeBelow(cache)]) {
    const found = look(file);
    if (found) requireOwn(file, found, user, GROUP_AND_OTHERS, cache);
  }
  for (let parent = path.dirname(cache); ; parent = path.dirname(parent)) {
    const found = look(parent);
    // Group permissions of parents are not checked: home folders often have a group with one member.
    if (found && !(found.mode & STICKY)) requireOwn(parent, found, found.uid, OTHERS, cache);
    if (parent === path.dirname(parent)) return;
  }
}

/**
 * @param {string} file
 * @param {import("node:fs").Stats} found
 * @param {number} user
 * @param {number} forbidden permissions
 * @param {string} cache
 */
function requireOwn(file, { uid, mode }, user, forbidden, cache) {
  const isOther = uid !== user && uid !== 0;
  if (!isOther && !(mode & forbidden)) return;
  const who = isOther ? `belongs to another user (id ${uid})` : `can be written by other users (mode ${octal(mode)})`;
  const cure = isOther ? "" : `chmod go-w ${file} if you trust what is in it, or `;
  throw new LaunchError(
    `${file} ${who}, and a driver would be loaded from the cache folder ${cache}, which would run their code.\n` +
      `Remove the cache folder, ${cure}name another one: MGANET_CACHE=DIR`,
  );
}

const octal = (/** @type {number} */ mode) => (mode & 0o7777).toString(8);

/**
 * @param {string} cache
 * @returns {string[]} existing folders and files from which code is loaded
 */
function codeBelow(cache) {
  const vulkan = path.join(cache, "vulkan");
  const list = (/** @type {string} */ folder) => {
    try {
      return readdirSync(folder).map((name) => path.join(folder, name));
    } catch {
      return [];
    }
  };
  const bundles = list(vulkan).filter((file) => path.basename(file).startsWith("lavapipe-"));
  const parts = bundles.flatMap((bundle) => list(bundle));
  // Choices name libraries too. For Mesa's shaders, checking the folder is enough: only those who may write there create them.
  return [path.join(cache, "mesa"), vulkan, ...list(vulkan), ...parts, ...parts.flatMap(list)];
}
