/** Annotations as a manifest, which src/data/readers/manifest.ts reads: a table, or a JSON list. */
import type { Classes } from "../../../src/data/sample.ts";
import { toJson } from "../../../src/runs/store.ts";
import {
  type ExportedFiles,
  type ExportedImage,
  isUnmarked,
  type Mask,
  maskOf,
  short,
  toCsv,
  type Writer,
} from "./image.ts";

/** A row with the cells that are known. */
interface Row {
  image: string;
  label?: string;
  boxes?: number[][];
  outline?: string;
  patient?: string;
  split?: string;
  fold?: number;
  cropped?: "yes";
}

const COLUMNS = ["image", "label", "boxes", "outline", "patient", "split", "fold", "cropped"] as const;

export const manifestCsv: Writer = async (...given) => {
  const { rows, masks } = await rowsOf(...given);
  const columns = COLUMNS.filter((name) => name === "label" || name === "boxes" || rows.some((row) => name in row));
  const cell = (row: Row, name: (typeof COLUMNS)[number]) =>
    name === "boxes" ? (row.boxes ?? []).map((box) => box.join(" ")).join("; ") : String(row[name] ?? "");
  const table = [columns, ...rows.map((row) => columns.map((name) => cell(row, name)))];
  return new Map<string, string | Mask>([["manifest.csv", toCsv(table)], ...masks]);
};

export const manifestJson: Writer = async (...given) => {
  const { rows, masks } = await rowsOf(...given);
  const list = rows.map(({ boxes = [], ...row }) => ({ ...row, boxes }));
  return new Map<string, string | Mask>([["manifest.json", toJson(list)], ...masks]);
};

async function rowsOf(
  images: readonly ExportedImage[],
  { names }: Classes,
  next: () => Promise<void>,
): Promise<{ rows: Row[]; masks: ExportedFiles }> {
  const masks: ExportedFiles = new Map();
  const rows: Row[] = [];
  for (const [i, image] of images.entries()) {
    await next();
    if (isUnmarked(image)) continue;
    const { name, label, boxes, empty, patient, side, fold, cropped, width, height } = image;
    const file = `outlines/${String(i).padStart(6, "0")}.png`;
    // One without a pixel would be no mask.
    const hasMask = maskOf(image) !== undefined;
    if (hasMask) masks.set(file, { width, height, mask: () => maskOf(image)! });
    const outline = empty ? "none" : hasMask ? file : undefined;
    rows.push({
      image: name,
      ...(label === null ? {} : { label: names[label]! }),
      ...(boxes.length > 0 ? { boxes: boxes.map(({ x0, y0, x1, y1 }) => [x0, y0, x1, y1].map(short)) } : {}),
      ...(outline === undefined ? {} : { outline }),
      ...(patient === "" ? {} : { patient }),
      ...(side === null ? {} : { split: side }),
      ...(fold === null ? {} : { fold }),
      ...(cropped ? { cropped: "yes" as const } : {}),
    });
  }
  return { rows, masks };
}
