/** JSON as people's files have it, with nothing lost in silence. */

/**
 * Parses JSON like `JSON.parse`, but refuses an object that names one key twice: `JSON.parse` would keep the last and say
 * nothing.
 *
 * @throws SyntaxError
 */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  const twice = duplicateKey(text);
  if (twice !== undefined) throw new SyntaxError(`the key ${twice.slice(0, 80)} stands twice in one object`);
  return value;
}

/** A string, or a brace; outside of strings, braces are nothing else. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|[{}]/gs;

/** A key, as it is written, that an object of valid JSON has twice. */
function duplicateKey(text: string): string | undefined {
  const open: Set<string>[] = [];
  for (const [token, isKey] of text.matchAll(TOKEN)) {
    if (token === "{") open.push(new Set());
    else if (token === "}") open.pop();
    else if (isKey !== undefined) {
      const written = token.slice(0, -isKey.length);
      // One key can be written in several ways.
      const key = written.includes("\\") ? (JSON.parse(written) as string) : written.slice(1, -1);
      const keys = open.at(-1)!;
      if (keys.has(key)) return written;
      keys.add(key);
    }
  }
  return undefined;
}
