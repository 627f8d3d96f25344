/**
 * Sanitises terminal output. File names, manifests and metadata are untrusted text, and a control character in them could move
 * the cursor, hide output, or send commands to the terminal.
 */

import { inspect } from "node:util";

/** Control characters, and marks that change the writing direction or end a line. */
const IN_NAMES = /[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;
/** The same, except intended tabs and line ends. */
const CONTROLS = new RegExp(`(?![\\n\\t])${IN_NAMES.source}`, "gu");

const escape = (character: string): string => {
  const code = character.charCodeAt(0);
  return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
};

/** Text with control characters escaped ("\x1b"); line breaks and tabs stay. */
export const visible = (text: string): string => text.replace(CONTROLS, escape);

/** A name for one line of text: line breaks and tabs are escaped too. */
export const visibleName = (name: string): string => name.replace(IN_NAMES, escape);

/** From now on, everything printed through `console` is escaped by `visible`. */
export function guardConsole(): void {
  for (const method of ["log", "info", "warn", "error"] as const) {
    const print = console[method].bind(console);
    console[method] = (...values: unknown[]) =>
      print(...values.map((value) => visible(typeof value === "string" ? value : inspect(value))));
  }
}
