/**
 * Parses the text files of TN3K (Gong et al. 2021, doi:10.1109/ISBI48211.2021.9434087): `tn3k-trainval-fold<k>.json` holds
 * `{"train": [...], "val": [...]}`, numbers of trainval images; `label4*.csv` has rows `0000.jpg,1` and no header.
 */
import * as z from "zod";
import { parseJson } from "../json.ts";
import { DataError, reasonOf } from "../sample.ts";
import { parseTable } from "./table.ts";
import { BinaryWords, type ClassWords } from "./class-words.ts";
import { explain } from "./values.ts";

const numbers = z.array(z.int().nonnegative());
const FOLD = z.object({ train: numbers, val: numbers });

/** The images that a fold holds out, by number. @throws DataError if the text is not a fold, or trains on one of them */
export function parseFold(text: string): number[] {
  let json: unknown;
  try {
    json = parseJson(text);
  } catch (error) {
    throw new DataError(`is not JSON: ${reasonOf(error)}`);
  }
  const result = FOLD.safeParse(json);
  if (!result.success) throw new DataError(`is not a fold: ${explain(result.error)}`);
  const train = new Set(result.data.train);
  const both = result.data.val.find((n) => train.has(n));
  if (both !== undefined) throw new DataError(`has image ${both} both in train and in val`);
  return result.data.val;
}

/**
 * The class of each image by file name. Images with contradictory rows have none.
 *
 * @param bad called for each unusable row
 * @throws DataError if the text is not a table
 */
export function parseLabels(
  text: string,
  bad: (line: number, reason: string) => void,
  words: ClassWords = new BinaryWords(),
): Map<string, number> {
  const labels = new Map<string, number>();
  const contradicted = new Set<string>();
  for (const { line, cells } of parseTable(text)) {
    const [name = "", label = ""] = cells;
    try {
      if (cells.length !== 2) throw new DataError(`has ${cells.length} cells instead of 2`);
      const parsed = words.cell(label);
      if ((labels.get(name) ?? parsed) !== parsed) contradicted.add(name);
      labels.set(name, parsed);
    } catch (error) {
      bad(line, reasonOf(error));
    }
  }
  for (const name of contradicted) {
    labels.delete(name);
    bad(0, `${name} has different classes`);
  }
  return labels;
}
