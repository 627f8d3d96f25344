/** The split file: which image is on which side, by id. Every run writes one, and `--split` reuses it. */
import * as z from "zod";
import { parseJson } from "./json.ts";
import { DataError, reasonOf, type Side } from "./sample.ts";
import { explain } from "./readers/values.ts";

const FORMAT = "mganet-split-1";
const ids = z.array(z.string());
const SPLIT = z.strictObject({
  format: z.literal(FORMAT),
  /** The data set's name, for people. */
  data: z.string(),
  /** How the split came about, for people. */
  how: z.string(),
  train: ids,
  val: ids,
  test: ids,
});

export type SplitFile = z.infer<typeof SPLIT>;

export const SIDES: readonly Side[] = ["train", "val", "test"];

export function writeSplit(split: Omit<SplitFile, "format">): string {
  const { data, how, train, val, test } = split;
  return `${JSON.stringify({ format: FORMAT, data, how, train, val, test }, null, 1)}\n`;
}

/** The side of each image by id. @throws DataError, without the file's name, if the text is not a split or repeats an image */
export function parseSplit(text: string): Map<string, Side> {
  let json: unknown;
  try {
    json = parseJson(text);
  } catch (error) {
    throw new DataError(`is not JSON: ${reasonOf(error)}`);
  }
  const result = SPLIT.safeParse(json);
  if (!result.success) throw new DataError(`is not a split of this program: ${explain(result.error)}`);
  const sides = new Map<string, Side>();
  for (const side of SIDES) {
    for (const id of result.data[side]) {
      if (sides.has(id)) throw new DataError(`has the image ${id.slice(0, 60)} more than once`);
      sides.set(id, side);
    }
  }
  return sides;
}
