/**
 * What reaches the terminal. Names of files, manifests and metadata are other people's text, and a control character in them
 * could move the cursor, hide what was said, or give the terminal orders.
 */

import { inspect } from "node:util";

/** Control characters, and marks that turn the direction of writing or end a line. */
const IN_NAMES = /[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;
/** Those, but for tabs and the ends of lines that are meant. */
const CONTROLS = new RegExp(`(?![\\n\\t])${IN_NAMES.source}`, "gu");

const escape = (character: string): string => {
  const code = character.charCodeAt(0);
  return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
};

/** Text with control characters written out ("\x1b"); lines and tabs stay. */
export const visible = (text: string): string => text.replace(CONTROLS, escape);

/** A name for one line of text: line breaks and tabs are written out too. */
export const visibleName = (name: string): string => name.replace(IN_NAMES, escape);

/** From now on all that is printed by `console` is `visible`. */
export function guardConsole(): void {
  for (const method of ["log", "info", "warn", "error"] as const) {
    const print = console[method].bind(console);
    console[method] = (...values: unknown[]) =>
      print(...values.map((value) => visible(typeof value === "string" ? value : inspect(value))));
  }
}
