/** Parses JSON annotation files. */
import * as z from "zod";
import { DataError, reasonOf } from "../sample.ts";
import { explain } from "./values.ts";

/** @throws DataError for text that is not JSON, or does not match the schema of `what` */
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
 * The keys of the outermost object found in the beginning of a file, which need not be complete. Undefined if the text is not
 * an object.
 */
export function topKeys(beginning: string): string[] | undefined {
  const text = beginning.replace(/^\ufeff/, "").trimStart();
  if (!text.startsWith("{")) return undefined;
  const keys: string[] = [];
  let depth = 0;
  // Strings, with the colon that follows a key; brackets.
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
