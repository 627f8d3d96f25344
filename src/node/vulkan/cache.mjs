// The project's cache of reproducible files: the unpacked driver, adapter choices, Mesa's compiled shaders.
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { homedir } from "node:os";
import path from "node:path";

/**
 * The project's cache folder: $MGANET_CACHE, else $XDG_CACHE_HOME/mganet, else ~/.cache/mganet. Not created here.
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {string} an absolute path
 */
export function cacheFolder(env = process.env) {
  if (env.MGANET_CACHE) return path.resolve(env.MGANET_CACHE);
  // The XDG specification says to ignore a relative path.
  const xdg = env.XDG_CACHE_HOME;
  return path.join(xdg && path.isAbsolute(xdg) ? xdg : path.join(homedir(), ".cache"), "mganet");
}

/** @returns {string} a name that no other process picks: `.tmp-<pid>-<random>` */
export function temporaryName() {
  return `.tmp-${process.pid}-${randomBytes(4).toString("hex")}`;
}

/**
 * Writes a file atomically: a reader sees the old content or the new, never a part.
 * @param {string} file
 * @param {string} text
 */
export function writeAtomic(file, text) {
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  const temporary = path.join(path.dirname(file), temporaryName());
  try {
    writeFileSync(temporary, text);
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
