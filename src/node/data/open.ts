/** Opens a folder of annotated images on disk. */
import { stat } from "node:fs/promises";
import { type OpenOptions, openSet } from "../../data/open-set.ts";
import type { Dataset } from "../../data/sample.ts";
import { folderFiles } from "./set-files.ts";

export type { OpenOptions };

/**
 * Reads a data set's annotations and lists its images, as `openSet`; pixels are decoded later, by `prepareDataset`.
 *
 * @param dir a folder, or a manifest file
 * @throws DataError as `openSet`
 */
export async function openDataset(dir: string, options: OpenOptions = {}): Promise<Dataset> {
  const { format = "manifest" } = options;
  const isManifest = format === "manifest" && /\.(?:csv|jsonl)$/i.test(dir) && (await isFile(dir));
  return openSet(folderFiles(dir, { isManifest }), options);
}

async function isFile(name: string): Promise<boolean> {
  return (await stat(name).catch(() => undefined))?.isFile() ?? false;
}
