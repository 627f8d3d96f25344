/** Reads which images a manifest names, for prediction: its column `image`, and `cropped`. Boxes, labels and the like are not looked at. */
import * as z from "zod";
import { normalName } from "../layouts/names.ts";
import { DataError } from "../sample.ts";
import { isCropped } from "./manifest.ts";
import { readJson } from "./manifest-text.ts";
import { parseNamedTable } from "./table.ts";
import { explain } from "./values.ts";

export interface ListedImage {
  /** As written, but without `./`, `a/../` and doubled slashes. */
  name: string;
  /** Whether it is already cropped to the tissue. */
  cropped: boolean;
}

const scalar = z
  .union([z.string(), z.number(), z.boolean(), z.null()])
  .optional()
  .transform((value) => String(value ?? "").trim());
const ROW = z.object({ image: z.string().trim().min(1).max(4096), cropped: scalar });

/**
 * The images, each once, in the order of their first rows.
 *
 * @throws DataError, without the manifest's name, if a row cannot be read: an image would be missing without anyone noticing
 */
export function parseImageList(text: string, kind: "csv" | "json"): { images: ListedImage[]; repeated: number } {
  const refuse = (line: number, reason: string): never => {
    throw new DataError(`line ${line} ${reason}`);
  };
  const rows = kind === "csv" ? csvRows(text, refuse) : readJson(text, refuse).rows;
  const images = new Map<string, boolean>();
  for (const { line, value } of rows) {
    const row = ROW.safeParse(value);
    if (!row.success) refuse(line, `is not an image of a manifest: ${explain(row.error)}`);
    const { cropped: cell } = row.data!;
    const image = normalName(row.data!.image);
    let cropped;
    try {
      cropped = isCropped(cell);
    } catch (error) {
      throw error instanceof DataError ? new DataError(`line ${line} ${error.message}`) : error;
    }
    if (images.has(image) && images.get(image) !== cropped) {
      refuse(line, `contradicts an earlier line about whether ${image.slice(0, 60)} is cropped`);
    }
    images.set(image, cropped);
  }
  return { images: [...images].map(([name, cropped]) => ({ name, cropped })), repeated: rows.length - images.size };
}

function csvRows(text: string, refuse: (line: number, reason: string) => never) {
  const { rows } = parseNamedTable(text, ["image"], refuse);
  return rows.map(({ line, cell }) => ({ line, value: { image: cell("image"), cropped: cell("cropped") } }));
}
