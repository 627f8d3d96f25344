/** JSON files of annotations. */
import { z } from "zod";
import { DataError, reasonOf } from "../sample.ts";
import { explain } from "./values.ts";

/** @throws DataError for text that is not JSON; `what` it should be is named where the schema does not fit */
export function parseJson<T>(text: string, schema: z.ZodType<T>, what: string): T {
  let json: unknown;
  try {
    json = JSON.parse(text.replace(/^\ufeff/, ""));
  } catch (error) {
    throw new DataError(`is not JSON: ${reasonOf(error)}`);
  }
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  throw new DataError(`is not ${what}: ${explain(result.error)}`);
}

/**
 * The keys of the outermost object, as far as the beginning of a file shows them: it need not be whole. Undefined where the
 * text is not an object.
 */
export function topKeys(beginning: string): string[] | undefined {
  const text = beginning.replace(/^\ufeff/, "").trimStart();
  if (!text.startsWith("{")) return undefined;
  const keys: string[] = [];
  let depth = 0;
  // Strings, with the colon that makes one a key; brackets.
  for (const { 0: token, 1: string } of text.matchAll(
    /"((?:[^"\\]|\\.){0,200})"(?=\s*:)|"(?:[^"\\]|\\.)*"|[[\]{}]/gs,
  )) {
    if (token === "{" || token === "[") depth++;
    else if (token === "}" || token === "]") depth--;
    else if (depth === 1 && string !== undefined) keys.push(string);
    if (depth === 0) break;
  }
  return keys;
}
