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

/** What stands between cells, where several are equally frequent in the first line the first of them. */
const DELIMITERS = [",", ";", "\t"];
/** As many columns are named in a message. */
const MAX_COLUMNS_SHOWN = 10;
/** The line by which Excel tells what stands between the cells. */
const EXCEL = /^\ufeff?"?sep=([,;\t])"?[ \t]*(?:\r\n|\r|\n|$)/i;

/**
 * The rows in which any cell is filled, with blanks around the cells taken away. Rows may differ in length.
 *
 * @throws DataError for text that is not a table, such as a quote that is never closed
 */
export function parseTable(text: string): Row[] {
  const excel = EXCEL.exec(text);
  const table = excel ? text.slice(excel[0].length) : text;
  const delimiter = excel?.[1] ?? delimiterOf(table);
  try {
    const rows = parse(table, {
      bom: true,
      delimiter,
      info: true,
      record_delimiter: ["\r\n", "\n", "\r"],
      relax_column_count: true,
      skip_empty_lines: true,
      trim: true,
    }) as unknown as { info: { lines: number }; record: string[] }[];
    const before = excel ? 1 : 0;
    return rows
      .filter(({ record }) => record.some((cell) => cell !== ""))
      .map(({ info, record }) => ({ line: info.lines + before, cells: record }));
  } catch (error) {
    throw new DataError(`is not a table: ${reasonOf(error)}`);
  }
}

/** What the first line with text has most of, outside quotes. */
function delimiterOf(text: string): string {
  const first = /[^\r\n]*\S[^\r\n]*/.exec(text)?.[0].replace(/"[^"]*"/g, "") ?? "";
  const counts = DELIMITERS.map((delimiter) => first.split(delimiter).length);
  return DELIMITERS[counts.indexOf(Math.max(...counts))]!;
}

/**
 * The rows below a first one that names the columns. Empty cells beyond the last column, as spreadsheets leave them, are no
 * cells.
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
  const names = (head?.cells ?? []).map((name) => name.toLowerCase());
  const columns = names.slice(0, names.findLastIndex((name) => name !== "") + 1);
  const places = new Map<string, number>();
  for (const [i, name] of columns.entries()) {
    if (name !== "" && places.has(name)) throw new DataError(`has two columns "${name.slice(0, 40)}"`);
    places.set(name, i);
  }
  const missing = required.find((name) => !places.has(name));
  if (missing !== undefined) {
    const there = names.slice(0, MAX_COLUMNS_SHOWN).map((name) => `"${name.slice(0, 40)}"`);
    throw new DataError(
      `has no column "${missing}", but ${there.join(", ")}${names.length > MAX_COLUMNS_SHOWN ? " and more" : ""}`,
    );
  }
  const rows = rest.flatMap(({ line, cells }): NamedRow[] => {
    const tooMany = cells.length > columns.length && cells.slice(columns.length).every((cell) => cell === "");
    if (cells.length === columns.length || tooMany) return [{ line, cell: (name) => cells[places.get(name) ?? -1] }];
    bad(line, `has ${cells.length} cells, but there are ${columns.length} columns`);
    return [];
  });
  return { columns, rows };
}
