/** Tables of plain text. */

/** Lines of a table whose columns are as wide as they must be; those of `left` are flush left, the others right. */
export function table(
  heads: readonly string[],
  rows: readonly (readonly string[])[],
  { left }: { left: readonly number[] },
): string[] {
  const widths = heads.map((head, i) => Math.max(...[head, ...rows.map((row) => row[i]!)].map((cell) => cell.length)));
  return [heads, ...rows].map((row) =>
    row
      .map((cell, i) => (left.includes(i) ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join("  ")
      .trimEnd(),
  );
}
