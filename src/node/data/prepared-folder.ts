/** Writes a folder of crops, masks, outlines and a manifest from a data set; resumes after an interruption. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { appendFile, mkdir, readdir, stat } from "node:fs/promises";
import path from "node:path";
import * as z from "zod";
// Loaded here although only the workers call it: sharp's library must outlive the last of them.
import "./decode.ts";
import { cropMethods } from "../../data/tissue/crop.ts";
import { DataError, type Dataset, type Sample, type Shape, type Skipped } from "../../data/sample.ts";
import { InputError, readInput, reason, removeLeftovers, requireWritableFolder, writeWhole } from "../files.ts";
import { awaitFolder, unlockFolder } from "../folder-lock.ts";
import { requireKept } from "../kept-folders.ts";
import { parsePictureName } from "./picture-file.ts";
import type { WriteInit, WriteResult, WriteTask } from "./prepared-worker.ts";
import { writeManifest } from "./prepared-manifest.ts";
import { withImagePool, type WorkOptions } from "./prepare.ts";
import type { WorkerPool } from "./worker-pool.ts";

const FORMAT = "mganet-prepared-2";
const JOURNAL = "prepared.jsonl";
export const MANIFEST = "manifest.csv";

const box = z.strictObject({ x0: z.number(), y0: z.number(), x1: z.number(), y1: z.number() });
const settingsSchema = z.strictObject({
  format: z.literal(FORMAT),
  /** Path of the data set. */
  data: z.string(),
  /** Width and height of the crops; null: as in the images. */
  size: z.tuple([z.int(), z.int()]).nullable(),
  crop: z.enum(cropMethods),
});
const entrySchema = z.strictObject({
  id: z.string(),
  /** The image file when read: size in bytes, modification time. */
  source: z.strictObject({ file: z.string(), bytes: z.number(), changed: z.number() }),
  /** The annotation that it was read with. */
  marked: z.string(),
  image: z.string(),
  mask: z.string(),
  outline: z.string().exactOptional(),
  /** Of the original image. */
  original: z.strictObject({ width: z.int(), height: z.int() }),
  crop: box,
  width: z.int(),
  height: z.int(),
  boxes: z.array(box),
});

export type Settings = Omit<z.infer<typeof settingsSchema>, "format">;
/** One finished image. Boxes are in pixels of the crop. */
export type Entry = z.infer<typeof entrySchema>;

export interface PreparedFolder {
  /** In the data set's order. */
  entries: { entry: Entry; sample: Sample }[];
  /** How many of them already existed. */
  reused: number;
  skipped: Skipped[];
  notes: string[];
}

/**
 * Writes `images/<id>.png`, `masks/<id>.png` (the ellipses of the boxes), `outlines/<id>.png` (the true outlines, where they are
 * known) and manifest.csv, which `openDataset` reads. A journal records each finished image; those whose image and annotation
 * have not changed since are not redone. All files are written
 * atomically; memory does not grow with the number of images.
 *
 * @throws InputError for a folder that holds something else, or was started with other settings; DataError if no image is left
 */
export async function writePreparedFolder(
  dataset: Dataset,
  out: string,
  settings: Settings,
  options: WorkOptions & {
    /** Told before it waits for a process that may be gone. */ onWait?: (line: string) => void;
  } = {},
): Promise<PreparedFolder> {
  options.signal?.throwIfAborted();
  await requirePreparedFolder(out, settings);
  await awaitFolder(out, options.onWait ?? (() => {}), options.signal);
  try {
    return await fill(dataset, out, settings, options);
  } finally {
    await unlockFolder(out);
  }
}

/** The same in a folder that no other process writes to. */
async function fill(dataset: Dataset, out: string, settings: Settings, options: WorkOptions): Promise<PreparedFolder> {
  const { onProgress } = options;
  const outlined = dataset.samples.some(({ shape }) => shape !== undefined);
  const done = await begin(out, settings, ["images", "masks", ...(outlined ? ["outlines"] : [])]);
  const names = fileNames(dataset.samples);
  const init: WriteInit = { out, size: settings.size, crop: settings.crop };
  const result: PreparedFolder = { entries: [], reused: 0, skipped: [], notes: [] };
  // Lines are written one at a time, whatever order the workers finish in.
  let journal = Promise.resolve();
  let count = 0;
  const onPool = (pool: WorkerPool<WriteTask, WriteResult>) =>
    Promise.all(
      dataset.samples.map(async (sample, i): Promise<Entry | Skipped> => {
        const { id, file, boxes, shape, outline, cropped = false } = sample;
        const marked = annotationOf(sample);
        if (boxes.length === 0 && outline === undefined) {
          onProgress?.(++count, dataset.samples.length);
          return { file, reason: "has no outline to make its mask from" };
        }
        const before = done.get(id);
        if (before && (await isCurrent(before, file, marked, out))) {
          result.reused++;
          onProgress?.(++count, dataset.samples.length);
          return before;
        }
        const task = { file, name: names[i]!, boxes, ...(shape ? { shape } : {}), cropped, empty: outline === "none" };
        const entry = await pool.run(task).then(
          async ({ source, lost, note, ...written }): Promise<Entry | Skipped> => {
            if (written.boxes.length === 0 && outline === undefined)
              return { file, reason: "no nodule lies inside its tissue" };
            if (note !== undefined) result.notes.push(`${id}: ${note}`);
            if (lost > 0) result.notes.push(`${id}: ${lost} of ${boxes.length} boxes lie outside the tissue: dropped`);
            const entry: Entry = { id, source: { file, ...source }, marked, ...written };
            journal = journal.then(() => addLine(out, entry));
            await journal;
            return entry;
          },
          async (error: unknown): Promise<Skipped> => {
            if (error instanceof DataError) return { file, reason: error.message };
            await requireKept(out);
            throw error;
          },
        );
        onProgress?.(++count, dataset.samples.length);
        return entry;
      }),
    );
  try {
    const images = dataset.samples.length;
    const entries = await withImagePool("prepared-worker", init, { ...options, images }, onPool);
    entries.forEach((entry, i) => {
      if ("reason" in entry) result.skipped.push(entry);
      else result.entries.push({ entry, sample: dataset.samples[i]! });
    });
  } finally {
    await journal.catch(() => {});
  }
  if (result.entries.length === 0) {
    const first = result.skipped[0];
    throw new DataError(
      `${settings.data}: no image can be used${first ? `; the first: ${first.file}: ${first.reason}` : ""}`,
    );
  }
  await writeWhole(path.join(out, MANIFEST), writeManifest(result.entries, dataset.classes));
  return result;
}

/** Records a finished image. @throws InputError */
async function addLine(out: string, entry: Entry): Promise<void> {
  await requireKept(out);
  const journal = path.join(out, JOURNAL);
  await appendFile(journal, `${JSON.stringify(entry)}\n`).catch(async (error: unknown) => {
    await requireKept(out);
    throw new InputError(`${journal}: cannot be written: ${reason(error)}`, { cause: error });
  });
}

/** Creates the folder and those in it, or reads what is already done. @throws InputError */
async function begin(out: string, settings: Settings, folders: readonly string[]): Promise<Map<string, Entry>> {
  await requirePreparedFolder(out, settings);
  const journal = path.join(out, JOURNAL);
  const entries = new Map<string, Entry>();
  for (const folder of folders) await mkdir(path.join(out, folder), { recursive: true });
  if (!existsSync(journal)) {
    await writeWhole(journal, `${JSON.stringify({ format: FORMAT, ...settings })}\n`);
    return entries;
  }
  for (const folder of ["", ...folders]) await removeLeftovers(path.join(out, folder));
  const text = (await readInput(journal)).toString("utf8");
  for (const line of text.split("\n").slice(1)) {
    const entry = parseLine(entrySchema, line);
    if (entry) entries.set(entry.id, entry);
  }
  // A line cut short when the program was killed must not run into the next one.
  if (!text.endsWith("\n")) await appendFile(journal, "\n");
  return entries;
}

/**
 * Checks the folder before the work.
 * @throws InputError for a folder that cannot be written, holds something else, or was started with other settings
 */
export async function requirePreparedFolder(out: string, settings: Settings): Promise<void> {
  await requireWritableFolder(out);
  // Names like this are locks, or a killed process's leftovers of one.
  const names = existsSync(out) ? (await readdir(out)).filter((name) => !name.startsWith(".mganet-")) : [];
  if (names.length === 0) return;
  const journal = path.join(out, JOURNAL);
  const head = names.includes(JOURNAL) ? (await readInput(journal)).toString("utf8").split("\n", 1)[0]! : "";
  const before = parseLine(settingsSchema, head);
  if (!before)
    throw new InputError(`${out}: the folder is not empty, and holds nothing to resume; choose another --out`);
  const differs = (["data", "size", "crop"] as const).find((k) => String(before[k]) !== String(settings[k]));
  if (differs === undefined) return;
  const [was, is] = [before[differs], settings[differs]].map((v) => (Array.isArray(v) ? v.join("x") : (v ?? "none")));
  throw new InputError(`${out}: was started with --${differs} ${was}, not ${is}; choose another --out`);
}

function parseLine<T>(schema: z.ZodType<T>, line: string): T | undefined {
  try {
    return schema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined; // Cut short when the program was killed.
  }
}

/** An annotation as text, the same only for the same one. */
function annotationOf({ boxes, shape, outline }: Sample): string {
  const edges = boxes.map(({ x0, y0, x1, y1 }) => [x0, y0, x1, y1].join(" ")).join("; ");
  return outline ?? (shape ? `${edges}; outline ${digestOf(shape)}` : edges);
}

function digestOf(shape: Shape): string {
  const hash = createHash("md5");
  for (const part of shape) hash.update("runs" in part ? new Uint8Array(part.runs.buffer) : JSON.stringify(part));
  return hash.digest("hex");
}

/** Whether an image is finished, and neither it nor its annotation has changed since. */
async function isCurrent(
  { source, marked: before, image, mask, outline }: Entry,
  file: string,
  marked: string,
  out: string,
) {
  if (source.file !== file || before !== marked) return false;
  const now = await stat((await parsePictureName(file)).file).catch(() => undefined);
  if (now?.size !== source.bytes || now.mtimeMs !== source.changed) return false;
  return [image, mask, ...(outline === undefined ? [] : [outline])].every((name) => existsSync(path.join(out, name)));
}

/** A file name for each sample: its id without problematic characters, numbered if already taken. */
function fileNames(samples: readonly Sample[]): string[] {
  const taken = new Set<string>();
  return samples.map(({ id }) => {
    const safe = id
      .replace(/\.[a-z]{3,5}$/i, "")
      .replace(/[^\p{L}\p{N}._() -]/gu, "_")
      .slice(-100);
    let name = safe;
    for (let n = 2; taken.has(name.toLowerCase()); n++) name = `${safe}-${n}`;
    taken.add(name.toLowerCase());
    return `${name}.png`;
  });
}
