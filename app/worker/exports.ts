/** The export of a project's annotations, in the worker that keeps projects. Loaded when it is used. */
import { writePng } from "../../src/data/pictures/png-write.ts";
import { frameOf } from "../../src/data/picture-name.ts";
import { DataError } from "../../src/data/sample.ts";
import { filesOf, packed, type Packed } from "../project/export/export.ts";
import type { ExportFormat } from "../project/export/formats.ts";
import { exportedImages, type ExportedImage } from "../project/export/image.ts";
import { lossesOf } from "../project/export/read-back.ts";
import type { Outlines } from "../project/outlines.ts";
import type { Project } from "../project/project.ts";
import { projectsStore } from "../project/project-store.ts";
import { phantomFrame } from "../../src/data/phantom/series.ts";

export interface ExportTask {
  project: Project;
  outlines: Outlines;
  format: ExportFormat;
  /** Whether the pictures go with the annotations. */
  withPictures: boolean;
}

const imagesOf = ({ project, outlines, withPictures }: ExportTask): ExportedImage[] =>
  exportedImages(project, withPictures, ({ file }) => outlines.get(file));

/** What the export would lose, one line for each kind. @throws the signal's reason */
export async function checkExport(task: ExportTask, signal: AbortSignal): Promise<string[]> {
  const images = imagesOf(task);
  const { classes } = task.project;
  return lossesOf(await filesOf(task.format, images, classes, signal), images, classes, signal);
}

/** @throws DataError, InputError; the signal's reason */
export async function makeExport(
  task: ExportTask,
  signal: AbortSignal,
  onProgress: (done: number, total: number) => void,
): Promise<Packed> {
  const images = imagesOf(task);
  const files = await filesOf(task.format, images, task.project.classes, signal);
  if (files.size === 0) throw new DataError("there is no annotation that this format can hold");
  if (!task.withPictures) return packed(files);
  const byName = new Map(images.map((image) => [image.picture, image]));
  const read = (name: string) => pictureOf(task.project, byName.get(name)!);
  return packed(files, { names: [...byName.keys()], read, signal, onProgress });
}

async function pictureOf({ name, source }: Project, { id, file }: ExportedImage): Promise<Uint8Array> {
  if (source.kind === "files") {
    return projectsStore
      .folder(name)
      .folder("files")
      .read(frameOf(file)?.file ?? file);
  }
  const drawn = phantomFrame(id);
  if (!drawn) throw new DataError(`${id}: no phantom draws it`);
  return writePng(drawn, drawn.grey, { level: 6 });
}
