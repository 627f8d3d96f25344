/** Reads published figures of tables from a file, to print beside one's own instead of the paper's. */
import * as z from "zod";
import { firstFault } from "../data/fault.ts";
import { parseJson } from "../data/json.ts";
import { InputError, readInput } from "../node/files.ts";
import type { Published } from "../report/published.ts";
import { rowOf, tableIds, tableName, tableOf, type TableId } from "../study/rows.ts";

const cell = z.string().max(60);
const tableSchema = z
  .strictObject({ columns: z.array(cell.min(1)).min(1), rows: z.record(z.string(), z.array(cell)) })
  .superRefine(({ columns, rows: given }, context) => {
    for (const [name, values] of Object.entries(given)) {
      if (values.length === columns.length) continue;
      const message = `${values.length} values for ${columns.length} columns`;
      context.addIssue({ code: "custom", path: ["rows", name], message });
    }
  });

const publishedSchema = z.strictObject({
  /** Their source, such as a DOI, and the data they were measured on. */
  source: z.string().min(1).max(200),
  tables: z.strictObject(
    Object.fromEntries(tableIds.map((id) => [id, tableSchema.optional()])) as Record<
      TableId,
      z.ZodOptional<typeof tableSchema>
    >,
  ),
});
/** @throws InputError with the file and what is wrong with it */
export async function readPublished(file: string): Promise<Published> {
  let value: unknown;
  try {
    value = parseJson((await readInput(file)).toString("utf8"));
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`${file}: is not JSON`);
  }
  const result = publishedSchema.safeParse(value);
  if (!result.success) {
    const { path, fault } = firstFault(result.error);
    throw new InputError(`${file}: ${path || "published figures"}: ${fault}`);
  }
  for (const id of tableIds) {
    const labels = tableOf(id).rows.map((name) => rowOf(name).label);
    const unknown = Object.keys(result.data.tables[id]?.rows ?? {}).find((name) => !labels.includes(name));
    if (unknown !== undefined) {
      throw new InputError(`${file}: ${tableName(id)} has no row "${unknown}"; its rows are ${labels.join(", ")}`);
    }
  }
  return result.data;
}
