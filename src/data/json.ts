/** Parses users' JSON files without silently losing anything. */

/**
 * Parses JSON like `JSON.parse`, but refuses an object with a duplicate key, of which `JSON.parse` would silently keep the
 * last.
 *
 * @throws SyntaxError
 */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  const twice = duplicateKey(text);
  if (twice !== undefined) throw new SyntaxError(`the key ${twice.slice(0, 80)} appears twice in one object`);
  return value;
}

/** A string, or a brace; outside strings, braces only delimit objects. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|[{}]/gs;

/** A duplicate key in valid JSON, as written. */
function duplicateKey(text: string): string | undefined {
  const open: Set<string>[] = [];
  for (const [token, isKey] of text.matchAll(TOKEN)) {
    if (token === "{") open.push(new Set());
    else if (token === "}") open.pop();
    else if (isKey !== undefined) {
      const written = token.slice(0, -isKey.length);
      // Escapes allow several spellings of one key.
      const key = written.includes("\\") ? (JSON.parse(written) as string) : written.slice(1, -1);
      const keys = open.at(-1)!;
      if (keys.has(key)) return written;
      keys.add(key);
    }
  }
  return undefined;
}
