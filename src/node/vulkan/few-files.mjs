// For processes that may have few files open (`ulimit -n 64`). Node opens all modules that one imports at once, over a hundred
// of some packages; this has it open a few at a time. Slower by nothing that can be measured, but it takes a thread.
import { readFileSync } from "node:fs";
import { register } from "node:module";

/** With fewer than this, Node's own way does not work with every command. */
const ENOUGH = 512;
/** Modules that are read at a time. */
const AT_ONCE = 8;

/** @returns {boolean} whether this process may have so few files open that modules have to be read a few at a time */
export function hasFewFiles() {
  try {
    const [, most] = /^Max open files +(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    return Number(most) < ENOUGH;
  } catch {
    return false;
  }
}

/** Must come after every other hook is in place: the last one is asked first. */
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
