/** Says in a plain sentence what is wrong with a value that a schema refuses. */
import type * as z from "zod";

type Issue = z.core.$ZodIssue;

const kinds: Readonly<Record<string, string>> = {
  number: "a number",
  int: "a whole number",
  string: "a text",
  boolean: "true or false",
  array: "a list",
  tuple: "a list",
  object: "an object",
  null: "null",
};

/** "must be at least 2, got 1". For schemas that were given `reportInput`, else without the value. */
export function faultOf(issue: Issue): string {
  switch (issue.code) {
    case "invalid_type":
      if (/received undefined$/.test(issue.message)) return "is missing";
      return `must be ${kinds[issue.expected] ?? issue.expected}${got(issue)}`;
    case "too_small":
      return bound(issue, issue.minimum, issue.inclusive === false ? "more than" : "at least");
    case "too_big":
      return bound(issue, issue.maximum, issue.inclusive === false ? "less than" : "at most");
    case "invalid_value":
      return `must be ${listed(issue.values.map((value) => (typeof value === "string" ? JSON.stringify(value) : String(value))))}${got(issue)}`;
    case "unrecognized_keys":
      return `has the unknown entry ${issue.keys[0]!.slice(0, LONGEST)}`;
    case "invalid_union":
      return unionFault(issue);
    case "custom":
      return issue.message;
    default:
      return `is not valid${got(issue)}`;
  }
}

/** Path and fault of the first thing that is wrong; the path is "" at the top. */
export function firstFault({ issues: [issue] }: z.core.$ZodError): { path: string; fault: string } {
  return { path: issue!.path.join("."), fault: faultOf(issue!) };
}

/** Characters of a value or name that are shown. */
const LONGEST = 60;

function got({ input }: Issue): string {
  if (input === undefined) return "";
  const text = Array.isArray(input)
    ? "a list"
    : typeof input === "object" && input !== null
      ? "an object"
      : shown(input);
  return `, got ${text.length > LONGEST ? `${text.slice(0, LONGEST)}...` : text}`;
}

const shown = (value: unknown): string => (typeof value === "string" ? JSON.stringify(value) : `${value as number}`);

/** A bound of a number, or of the length of a list or text. */
function bound(issue: Issue & { origin: string }, limit: number | bigint, relation: string): string {
  if (issue.origin === "string") {
    return limit === 1
      ? `${typeof issue.path.at(-1) === "number" ? "an entry " : ""}must not be empty`
      : `must have ${relation} ${limit} characters`;
  }
  if (issue.origin !== "array") return `must be ${relation} ${limit}${got(issue)}`;
  const count = Array.isArray(issue.input) ? `, got ${issue.input.length}` : "";
  return `must have ${relation} ${limit} ${limit === 1 ? "entry" : "entries"}${count}`;
}

const listed = (values: readonly string[]): string =>
  values.length < 2 ? values.join("") : `${values.slice(0, -1).join(", ")} or ${values.at(-1)!}`;

/** Of the forms that a value may have, the fault of the one that got furthest, or all of them. */
function unionFault(issue: Extract<Issue, { code: "invalid_union" }>): string {
  const firsts = issue.errors.flatMap(([first]) => (first ? [first] : []));
  const deeper = firsts.find(
    ({ path, code }) => path.length > 0 || (code !== "invalid_type" && code !== "invalid_value"),
  );
  if (deeper)
    return deeper.path.length > 0 ? `entry ${Number(deeper.path[0]) + 1} ${faultOf(deeper)}` : faultOf(deeper);
  const forms = firsts.map((first) =>
    faultOf(first)
      .replace(/^must be /, "")
      .replace(/, got .*$/, ""),
  );
  return `must be ${listed(forms)}${got(issue)}`;
}
