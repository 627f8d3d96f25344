/** Formats plain-text tables. */

/** The lines of a table with columns as wide as needed; those in `left` are left-aligned, the others right-aligned. */
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
