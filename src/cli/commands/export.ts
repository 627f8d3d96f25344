/** `mganet export`: writes a run's network for other programs, with its model card. */
import { existsSync } from "node:fs";
import path from "node:path";
import { endings, type ExportFormat } from "../../export/formats.ts";
import type { Precision } from "../../export/half.ts";
import { formatBytes } from "../../gpu/gpu.ts";
import { ConfigError } from "../../models/config-error.ts";
import { requireWritableFile, writeWhole } from "../../node/files.ts";
import { exportCheckpoint } from "../../runs/export.ts";
import { InputError } from "../../runs/store.ts";
import { findCheckpoint } from "../targets.ts";
import { visibleName } from "../terminal.ts";

export interface ExportOptions {
  run: string;
  format: ExportFormat;
  checkpoint?: "best" | "last";
  precision?: Precision;
  fold?: boolean;
  withPreprocessing?: boolean;
  /** The model's file. */
  out?: string;
  force?: boolean;
}

export async function exportRun(options: ExportOptions): Promise<void> {
  const { run, format, checkpoint, out, force = false, precision, fold, withPreprocessing } = options;
  const base = out === undefined ? path.join("exports", nameOf(run)) : withoutEnding(out, format);
  const [folder, name] = [path.dirname(base), path.basename(base)];
  // Each format's file has its own card.
  const planned = ["", ".card.json", ".card.md"].map((ending) => base + endings[format] + ending);
  for (const file of planned) {
    await requireWritableFile(file);
    if (!force && existsSync(file)) {
      throw new InputError(`${file}: exists already; choose another --out, or --force to replace it`);
    }
  }
  const loaded = await findCheckpoint(run, checkpoint);
  const more = { ...(precision ? { precision } : {}), ...(fold ? { fold } : {}), ...(withPreprocessing ? { withPreprocessing } : {}) }; // prettier-ignore
  const { files, notes } = await exportCheckpoint({ loaded, format, name, ...more });
  // The model last: where it is, its card is too.
  for (const [file, content] of [...files].reverse()) await writeWhole(path.join(folder, file), content);
  for (const note of notes) console.log(visibleName(note));
  for (const [file, content] of files) {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content).length : content.length;
    console.log(visibleName(`${path.join(folder, file)}  ${formatBytes(bytes)}`));
  }
}

/** Of a run folder or a file: its name without ending. */
const nameOf = (run: string): string => path.basename(path.resolve(run)).replace(/\.safetensors$/, "");

function withoutEnding(out: string, format: ExportFormat): string {
  const other = Object.values(endings).find((ending) => ending !== endings[format] && out.endsWith(ending));
  if (other) throw new ConfigError(`--out ${out} ends in ${other}, but --format ${format} writes ${endings[format]}`);
  const base = out.endsWith(endings[format]) ? out.slice(0, -endings[format].length) : out;
  if (path.basename(base) === "" || out.endsWith("/")) throw new ConfigError(`--out ${out} has no name for the file`);
  return base;
}
