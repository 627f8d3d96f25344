/** Annotations as files that other programs, the command line and this page read. */
import { Zip, ZipDeflate, ZipPassThrough } from "fflate";
import { writePng } from "../../../src/data/pictures/png-write.ts";
import { DataError, type Classes } from "../../../src/data/sample.ts";
import { giveWay } from "../../../src/web/give-way.ts";
import { coco } from "./coco.ts";
import type { ExportFormat } from "./formats.ts";
import type { ExportedFiles, ExportedImage, Mask, Writer } from "./image.ts";
import { manifestCsv, manifestJson } from "./manifest.ts";
import { voc } from "./voc.ts";

const writers: Readonly<Record<ExportFormat, Writer>> = {
  ...{ manifest: manifestCsv, "manifest-json": manifestJson, coco, voc },
};

/** @throws the signal's reason */
export const filesOf = (
  format: ExportFormat,
  images: readonly ExportedImage[],
  classes: Classes,
  signal?: AbortSignal,
): Promise<ExportedFiles> =>
  writers[format](images, classes, async () => {
    await giveWay();
    signal?.throwIfAborted();
  });

/** Beyond this, a zip needs another form, which many programs do not read. */
const MOST_BYTES = 0xffff_0000;

/** Those of a project's pictures that go into the zip, each once. */
export interface Pictures {
  names: readonly string[];
  /** @throws InputError for one that cannot be read */
  read: (name: string) => Promise<Uint8Array>;
  signal: AbortSignal;
  onProgress: (done: number, total: number) => void;
}

export interface Packed {
  /** undefined: a zip, of any name. */
  name: string | undefined;
  blob: Blob;
}

/**
 * One file as it is, with the name by which readers know it; several as a zip.
 *
 * @throws DataError if a zip cannot hold that much
 */
export async function packed(files: ExportedFiles, pictures?: Pictures): Promise<Packed> {
  const [first] = files;
  if (files.size === 1 && !pictures) {
    // A format's first file is text.
    return { name: first![0], blob: new Blob([first![1] as BlobPart]) };
  }
  const parts: Blob[] = [];
  let bytes = 0;
  const zip = new Zip((error, chunk) => {
    if (error) throw error;
    // A browser may lay parts down on the disk.
    parts.push(new Blob([chunk]));
    bytes += chunk.length;
    if (bytes > MOST_BYTES)
      throw new DataError("these are more than 4 GB, which a zip cannot hold: save without pictures");
  });
  for (const [name, content] of files) {
    await giveWay();
    const file = new ZipDeflate(name, { level: 6 });
    zip.add(file);
    file.push(typeof content === "string" ? new TextEncoder().encode(content) : pngOf(content), true);
  }
  // Pictures are compressed already.
  for (const [i, name] of (pictures?.names ?? []).entries()) {
    await giveWay();
    pictures!.signal.throwIfAborted();
    const content = await pictures!.read(name);
    const file = new ZipPassThrough(name);
    zip.add(file);
    file.push(content, true);
    pictures!.onProgress(i + 1, pictures!.names.length);
  }
  zip.end();
  return { name: undefined, blob: new Blob(parts, { type: "application/zip" }) };
}

const pngOf = ({ mask, ...size }: Mask): Uint8Array =>
  writePng(
    size,
    mask().map((lit) => 255 * lit),
    { level: 6 },
  );
