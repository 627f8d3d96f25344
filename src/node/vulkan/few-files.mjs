// Lets processes with a low open-file limit (`ulimit -n 64`) load modules. Node opens all imports of a module at once, over a
// hundred for some packages; this opens a few at a time. No measurable slowdown, but it takes a thread.
import { readFileSync } from "node:fs";
import { register } from "node:module";

/** With fewer than this, Node's own loading fails for some commands. */
const ENOUGH = 512;
/** Modules read at a time. */
const AT_ONCE = 8;

/** @returns {boolean} whether this process's open-file limit is so low that modules must be read a few at a time */
export function hasFewFiles() {
  try {
    const [, most] = /^Max open files +(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    return Number(most) < ENOUGH;
  } catch {
    return false;
  }
}

/** Must be called after every other hook is in place: the last one runs first. */
export function readFewAtOnce() {
  register(import.meta.url);
}

let reading = 0;
/** @type {(() => void)[]} */
const waiting = [];

/**
 * Node's hook that reads a module (node:module, "load").
 * @template Context, Result
 * @param {string} url
 * @param {Context} context
 * @param {(url: string, context: Context) => Promise<Result>} next
 * @returns {Promise<Result>}
 */
export async function load(url, context, next) {
  if (reading >= AT_ONCE) await new Promise((resolve) => waiting.push(() => resolve(undefined)));
  reading++;
  try {
    return await next(url, context);
  } finally {
    reading--;
    waiting.shift()?.();
  }
}
