/** Writes the manifest of a prepared folder, for src/data/readers/manifest.ts to read. */
import { csvLine } from "../../data/csv.ts";
import { patientOf } from "../../data/patient.ts";
import type { Box, Classes, Sample } from "../../data/sample.ts";

/** An image in a prepared folder. */
interface Prepared {
  image: string;
  mask: string;
  /** The mask of its true outlines. */
  outline?: string;
  boxes: readonly Box[];
}

const COLUMNS = ["image", "label", "boxes", "mask", "patient", "split", "fold", "cropped", "source"];

/** One row per image. Boxes are rounded to a millionth of a pixel. The column `outline` is written only if needed. */
export function writeManifest(entries: readonly { entry: Prepared; sample: Sample }[], classes: Classes): string {
  const outlines = entries.some(({ entry, sample }) => (sample.outline ?? entry.outline) !== undefined);
  const rows = entries.map(({ entry, sample }) => [
    entry.image,
    sample.label === undefined ? "" : classes.names[sample.label]!,
    entry.boxes.map(({ x0, y0, x1, y1 }) => [x0, y0, x1, y1].map(decimal).join(" ")).join("; "),
    entry.mask,
    ...(outlines ? [sample.outline ?? entry.outline ?? ""] : []),
    patientOf(sample) ?? "",
    sample.side ?? "",
    sample.fold === undefined ? "" : String(sample.fold),
    "yes",
    sample.file,
  ]);
  const columns = COLUMNS.flatMap((name) => (name === "mask" && outlines ? [name, "outline"] : [name]));
  return [columns, ...rows].map(csvLine).join("");
}

const decimal = (n: number): string => String(Number(n.toFixed(6)));
