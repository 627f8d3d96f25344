import { DataError } from "../../src/data/sample.ts";

/** How a configuration names a project's images. */
const PREFIX = "project:";

export const dataOf = (project: string): string => `${PREFIX}${project}`;

/** The project that a configuration names. @throws DataError if it names another set */
export function projectOf(data: string): string {
  if (data.startsWith(PREFIX)) return data.slice(PREFIX.length);
  throw new DataError(`${data}: this page has no such images; there are phantom, phantom-b and its projects`);
}
