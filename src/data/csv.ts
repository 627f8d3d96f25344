/** Writes cells of CSV files; src/data/readers/table.ts reads them. */

/** A line of cells, quoted where they have to be. */
export const csvLine = (cells: readonly (string | number | null | undefined)[]): string =>
  `${cells.map((cell) => quoted(String(cell ?? ""))).join(",")}\n`;

const quoted = (cell: string): string => (/[",\r\n]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
