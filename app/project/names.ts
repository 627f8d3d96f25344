/** Names that people's files and folders get in the browser's storage. */

/** @param most letters that it may have; what is left of nothing is `otherwise` */
export function cleanName(given: string, most: number, otherwise: string): string {
  const clean = given.replace(/[^\p{L}\p{N} ._()-]+/gu, "-").replace(/^[^\p{L}\p{N}]+/u, "");
  return clean.slice(0, most) || otherwise;
}

/** The name, numbered from 2 on if it is taken. */
export function freeName(name: string, taken: readonly string[]): string {
  if (!taken.includes(name)) return name;
  let n = 2;
  while (taken.includes(`${name} (${n})`)) n++;
  return `${name} (${n})`;
}
