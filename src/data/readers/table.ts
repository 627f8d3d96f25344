/** Tables of text: comma, semicolon or tab between the cells. */
import { parse } from "csv-parse/browser/esm/sync";
import { DataError, reasonOf } from "../sample.ts";

export interface Row {
  /** Of the file, from 1. */
  line: number;
  cells: string[];
}

/** A row with the cells under their columns' names, which are in lower case. */
export interface NamedRow {
  line: number;
  cell: (column: string) => string | undefined;
}

/**
 * The rows that are not empty, with blanks around the cells taken away. Rows may differ in length.
 *
 * @throws DataError for text that is no table, such as a quote that is never closed
 */
export function parseTable(text: string): Row[] {
  const [first = ""] = text.split(/\r\n|\r|\n/, 1);
  const delimiter = [",", ";", "\t"].find((d) => first.includes(d)) ?? ",";
  try {
    const rows = parse(text, {
      bom: true,
      delimiter,
      info: true,
      relax_column_count: true,
      skip_empty_lines: true,
      trim: true,
    }) as unknown as { info: { lines: number }; record: string[] }[];
    return rows.map(({ info, record }) => ({ line: info.lines, cells: record }));
  } catch (error) {
    throw new DataError(`is not a table: ${reasonOf(error)}`);
  }
}

/**
 * The rows below a first one that names the columns.
 *
 * @param bad told of each row that has not as many cells as there are columns
 * @throws DataError for no table, a column that is missing, or two of one name
 */
export function parseNamedTable(
  text: string,
  required: readonly string[],
  bad: (line: number, reason: string) => void,
): { columns: string[]; rows: NamedRow[] } {
  const [head, ...rest] = parseTable(text);
  const columns = (head?.cells ?? []).map((name) => name.toLowerCase());
  const missing = required.find((name) => !columns.includes(name));
  if (missing !== undefined) throw new DataError(`has no column "${missing}"`);
  const twice = columns.find((name, i) => name !== "" && columns.indexOf(name) !== i);
  if (twice !== undefined) throw new DataError(`has two columns "${twice.slice(0, 40)}"`);
  const rows = rest.flatMap(({ line, cells }): NamedRow[] => {
    if (cells.length === columns.length) return [{ line, cell: (name) => cells[columns.indexOf(name)] }];
    bad(line, `has ${cells.length} cells, but there are ${columns.length} columns`);
    return [];
  });
  return { columns, rows };
}
