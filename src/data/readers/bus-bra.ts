/**
 * Parses the tables of BUS-BRA (Gómez-Flores et al. 2024, doi:10.1002/mp.16812): `bus_data.csv` with the columns ID (the
 * image's name), Case (the patient) and Pathology; `5-fold-cv.csv` with ID and kFold from 1.
 */
import { DataError, reasonOf } from "../sample.ts";
import { parseNamedTable } from "./table.ts";
import { BinaryWords, type ClassWords } from "./class-words.ts";

export interface BusBraRow {
  line: number;
  id: string;
  label: number;
  /** The number in the ID if the table has no Case column: its images show both sides of one patient. */
  patient: string;
}

type Bad = (line: number, reason: string) => void;

/** @throws DataError if the text is not that table. Unusable rows are reported to `bad` */
export function parseBusData(
  text: string,
  bad: Bad,
  words: ClassWords = new BinaryWords(),
): { rows: BusBraRow[]; hasPatients: boolean } {
  const { columns, rows } = parseNamedTable(text, ["id", "pathology"], bad);
  const hasPatients = columns.includes("case");
  const parsed = rows.flatMap(({ line, cell }): BusBraRow[] => {
    try {
      const id = cell("id")!;
      const number = /^bus_(\d+)-\w+$/.exec(id)?.[1];
      if (number === undefined)
        throw new DataError(`has the ID "${id.slice(0, 30)}", which is not an image of this set`);
      const patient = hasPatients ? cell("case")! : number;
      if (patient === "") throw new DataError("has no Case");
      return [{ line, id, label: words.cell(cell("pathology")!), patient }];
    } catch (error) {
      bad(line, reasonOf(error));
      return [];
    }
  });
  return { rows: parsed, hasPatients };
}

/** The fold of each image, from 0. @throws DataError as above */
export function parseBusFolds(text: string, bad: Bad): Map<string, number> {
  const folds = new Map<string, number>();
  for (const { line, cell } of parseNamedTable(text, ["id", "kfold"], bad).rows) {
    if (/^[1-9]\d?$/.test(cell("kfold")!)) folds.set(cell("id")!, Number(cell("kfold")) - 1);
    else bad(line, `has the kFold "${cell("kfold")!.slice(0, 20)}", which is not a positive integer`);
  }
  return folds;
}
