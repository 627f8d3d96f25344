/** What a value from outside is, for errors. */

/** The kind of a value from outside: "Float32Array", "Array", "Undefined". */
export const kindOf = (value: unknown): string => Object.prototype.toString.call(value).slice(8, -1);

/** Array.isArray, without turning a readonly array's elements into any. */
export const isList = (value: unknown): boolean => Array.isArray(value);

/** The kind of a value with its article, for errors; a promise was meant to be awaited. */
export function aKind(value: unknown): string {
  const kind = kindOf(value);
  if (value === undefined || value === null) return kind.toLowerCase();
  return `${/^[AEIO]/.test(kind) ? "an" : "a"} ${kind}${kind === "Promise" ? " (not awaited)" : ""}`;
}
