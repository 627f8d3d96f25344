// The cache holds libraries that are loaded and machine code that is run: whoever may write there runs code as this user.
import { mkdirSync, readdirSync, statSync } from "node:fs";
import path from "node:path";
import { LaunchError } from "./errors.mjs";

/** Write permission of the group and of others. */
const GROUP_AND_OTHERS = 0o022;
const OTHERS = 0o002;
/** In a folder with this bit only a file's owner may rename or remove it, as in /tmp. */
const STICKY = 0o1000;

/**
 * @param {string} file
 * @returns {import("node:fs").Stats | undefined} of what a link leads to
 */
const look = (file) => statSync(file, { throwIfNoEntry: false });

/**
 * Makes the cache folder, for this user alone, where it does not exist yet, and checks that no one else can write into what
 * code is taken from: the folder, what leads to it, and the drivers and shaders in it. A cache that cannot be made is no
 * obstacle: everything works without, only slower.
 *
 * @param {string} cache
 * @param {number | undefined} [user] id of this user; undefined where the system knows none
 * @throws {LaunchError} that names the folder, who can write there and what to do
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
    // Group permissions of parents are left to those who set them: home folders often have a group of one.
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
 * @returns {string[]} folders and files from which code is loaded, as far as they exist
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
  // Choices name libraries too. Of Mesa's shaders the folder is enough: it holds thousands, made by whoever may write there.
  return [path.join(cache, "mesa"), vulkan, ...list(vulkan), ...parts, ...parts.flatMap(list)];
}
