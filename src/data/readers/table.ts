/** Parses text tables with commas, semicolons or tabs between the cells. */
import { parse } from "csv-parse/browser/esm/sync";
import { DataError, reasonOf } from "../sample.ts";

export interface Row {
  /** Line of the file, from 1. */
  line: number;
  cells: string[];
}

/** A row with its cells by column name, in lower case. */
export interface NamedRow {
  line: number;
  cell: (column: string) => string | undefined;
}

/** Delimiters; if several are equally frequent in the first line, the first of them wins. */
const DELIMITERS = [",", ";", "\t"];
/** Maximum number of columns named in a message. */
const MAX_COLUMNS_SHOWN = 10;
/** Excel's line that declares the delimiter. */
const EXCEL = /^\ufeff?"?sep=([,;\t])"?[ \t]*(?:\r\n|\r|\n|$)/i;

/**
 * The rows with any non-empty cell, cells trimmed. Rows may differ in length.
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

/** The most frequent delimiter in the first non-empty line, outside quotes. */
function delimiterOf(text: string): string {
  const first = /[^\r\n]*\S[^\r\n]*/.exec(text)?.[0].replace(/"[^"]*"/g, "") ?? "";
  const counts = DELIMITERS.map((delimiter) => first.split(delimiter).length);
  return DELIMITERS[counts.indexOf(Math.max(...counts))]!;
}

/**
 * The rows below a header row. Empty cells beyond the last column, as spreadsheets leave them, are ignored.
 *
 * @param bad called for each row whose number of cells is not the number of columns
 * @throws DataError if it is not a table, lacks a column, or has two of the same name
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
