/** Published figures of a study's tables, to show beside one's own. */
import { figureTitles } from "../study/figures.ts";
import { PAPER, printedFigures, published } from "../study/published.ts";
import type { StudyTable } from "../study/results.ts";
import { rowNames, rowOf, tableIds, tableOf, type TableId } from "../study/rows.ts";

/** Cells as printed: the columns' names, and the values by the row's label. */
export interface PublishedTable {
  columns: string[];
  rows: Record<string, string[]>;
}

export interface Published {
  /** Their source, such as a DOI, and the data they were measured on. */
  source: string;
  tables: Partial<Record<TableId, PublishedTable | undefined>>;
}

/** As many digits as the paper has. */
const four = (value: number): string => value.toFixed(4);

/** The paper's own. */
export function paperFigures(): Published {
  const tables = tableIds.flatMap((id): [TableId, PublishedTable][] => {
    const table = published[id];
    if (!table) return [];
    const rows = rowNames.flatMap((name): [string, string[]][] => {
      const cells = table[name]?.map(([mean, low, high]) => `${four(mean)} (${four(low)}–${four(high)})`);
      return cells ? [[rowOf(name).label, cells]] : [];
    });
    return [[id, { columns: printedFigures.map((name) => figureTitles[name]), rows: Object.fromEntries(rows) }]];
  });
  return { source: PAPER, tables: Object.fromEntries(tables) };
}

/** Those of a table, if they are of the side that it is about: held-out images, unless the table says otherwise. */
export const publishedOf = ({ tables }: Published, { table, on }: Pick<StudyTable, "table" | "on">) =>
  on === (tableOf(table).sides?.[0] ?? "val") ? tables[table] : undefined;
