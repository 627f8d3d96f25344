/** The worker that keeps projects: reads images, draws thumbnails, saves annotations. */
import { isPhantom } from "../../src/data/phantom/scanner.ts";
import { phantomId, phantomImage } from "../../src/data/phantom/phantom.ts";
import { benignMalignant, type Classes } from "../../src/data/classes.ts";
import { DataError, type Box, type Shape } from "../../src/data/sample.ts";
import { tissueRectangle } from "../../src/data/tissue/crop.ts";
import type { Packed } from "../project/export/export.ts";
import type { ExportFormat } from "../project/export/formats.ts";
import type { Outlines } from "../project/outlines.ts";
import { loadProject, projectsStore, requireFreeName, saveProject } from "../project/project-store.ts";
import type { Annotation, Project, ProjectImage } from "../project/project.ts";
import { hold, letGo, removeHalfMade, removeProject } from "../project/hold.ts";
import type { FileEntry } from "../../src/web/set-files.ts";
import { openPicture } from "./pictures.ts";
import { bitmapAt, type Place } from "./places.ts";
import { Handed, type CallContext, type Methods } from "./rpc.ts";

export interface ProjectSummary {
  name: string;
  images: number;
}

/** Progress of reading or making a project. */
export interface ImportEvent {
  what: string;
  done: number;
  /** 0: unknown. */
  total: number;
}

const THUMBNAIL_PIXELS = 168;

/** The open project, kept so that a thumbnail does not parse it again. */
let open: Project | undefined;

async function load(name: string): Promise<Project> {
  if (open?.name !== name) open = await loadProject(name);
  return open;
}

/** The same project's outlines, once they were needed. */
let outlines: { name: string; all: Outlines } | undefined;

async function outlinesOf(name: string): Promise<Outlines> {
  if (outlines?.name !== name) {
    // Loaded when needed: a grid shows none.
    const { readOutlines } = await import("../project/outlines.ts");
    outlines = { name, all: await readOutlines(projectsStore.folder(name)) };
  }
  return outlines.all;
}

async function save(project: Project): Promise<void> {
  await hold(project.name);
  await saveProject(project);
  open = project;
}

function imageAt({ images }: Project, index: number): ProjectImage {
  const image = images[index];
  if (!image) throw new DataError(`there is no image ${index}`);
  return image;
}

export const images = {
  async list(_: CallContext<never>): Promise<ProjectSummary[]> {
    const found: ProjectSummary[] = [];
    for (const name of await projectsStore.list()) {
      await removeHalfMade(name);
      // One that cannot be read must not hide the others.
      const project = await loadProject(name).catch(() => undefined);
      if (project) found.push({ name, images: project.images.length });
    }
    return found.sort((a, b) => (a.name < b.name ? -1 : 1));
  },

  /** @throws DataError, InputError, also if another tab has it open */
  async open(name: string, _: CallContext<ImportEvent>): Promise<Project> {
    await load(name);
    await hold(name);
    // As another tab may have left it.
    open = undefined;
    return load(name);
  },

  /** Lets other tabs open the project. */
  async close(_: CallContext<never>): Promise<void> {
    open = undefined;
    await letGo();
  },

  async remove(name: string, _: CallContext<never>): Promise<void> {
    if (open?.name === name) open = undefined;
    if (outlines?.name === name) outlines = undefined;
    await removeProject(name);
  },

  async makePhantom(
    name: string,
    scanner: string,
    seed: number,
    count: number,
    { emit, signal }: CallContext<ImportEvent>,
  ): Promise<Project> {
    await requireFreeName(name);
    if (!isPhantom(scanner)) throw new DataError(`there is no phantom ${scanner}`);
    const images: ProjectImage[] = [];
    const drawn = new Map<string, Shape>();
    for (let index = 0; index < count; index++) {
      // Lets the signal to stop arrive.
      await new Promise((resolve) => setTimeout(resolve));
      signal.throwIfAborted();
      const { width, height, boxes, label, outlines: polygons } = phantomImage(seed, index, { scanner });
      const id = phantomId(scanner, seed, index);
      images.push({
        ...{ id, file: id, path: "", width, height, cropped: false, fold: null, notes: [] },
        ...{ label, boxes, empty: false, patient: "", side: null, outlined: true },
      });
      drawn.set(
        id,
        polygons.map((polygon) => ({ polygon })),
      );
      emit({ what: "Drawing", done: index + 1, total: count });
    }
    const project: Project = {
      format: "mganet-project-1",
      name,
      source: { kind: "phantom", scanner, seed },
      classes: benignMalignant,
      ...{ images, left: [], notes: [], twins: [] },
    };
    const { writeOutlines } = await import("../project/outlines.ts");
    await hold(name);
    try {
      await writeOutlines(projectsStore.folder(name), drawn);
      await save(project);
    } catch (error) {
      // Nothing half-made stays.
      await removeProject(name).catch(() => {});
      throw error;
    }
    return project;
  },

  /** @param format the layout; "" if it is to be recognised */
  async importFiles(
    name: string,
    entries: readonly FileEntry[],
    format: string,
    { emit, signal }: CallContext<ImportEvent>,
  ): Promise<Project> {
    await requireFreeName(name);
    // Loaded when needed: the readers of all layouts and formats.
    const [{ importSet, requireSpace }, { openPictureFile }] = await Promise.all([
      import("../project/import.ts"),
      import("../../src/web/decode/open-picture-file.ts"),
    ]);
    await requireSpace(entries);
    const store = projectsStore.folder(name);
    await hold(name);
    try {
      const onProgress = (what: string, done: number, total: number) => emit({ what, done, total });
      const project = await importSet({
        ...{ name, entries, store, open: openPictureFile, onProgress, signal },
        format: format === "" ? undefined : format,
      });
      await save(project);
      return project;
    } catch (error) {
      // Nothing half-made stays.
      await removeProject(name).catch(() => {});
      throw error;
    }
  },

  async annotate(
    name: string,
    changes: readonly { index: number; annotation: Annotation }[],
    _: CallContext<never>,
  ): Promise<void> {
    const project = await load(name);
    const images = project.images.slice();
    for (const { index, annotation } of changes) {
      // Of another project with this name: saved, it could not be opened again.
      if (annotation.label !== null && !(annotation.label in project.classes.names)) {
        throw new DataError(`there is no class ${annotation.label}`);
      }
      images[index] = { ...imageAt(project, index), ...annotation };
    }
    await save({ ...project, images });
  },

  /**
   * Other classes. @param places where each label goes; null if its class is deleted
   * @returns the images with their new labels
   */
  async editClasses(
    name: string,
    classes: Classes,
    places: readonly (number | null)[],
    _: CallContext<never>,
  ): Promise<readonly ProjectImage[]> {
    const project = await load(name);
    const images = project.images.map((image) =>
      image.label === null ? image : { ...image, label: places[image.label]! },
    );
    await save({ ...project, classes, images });
    return images;
  },

  /** What an export would lose, one line for each kind. */
  async checkExport(
    name: string,
    format: ExportFormat,
    withPictures: boolean,
    { signal }: CallContext<never>,
  ): Promise<string[]> {
    const { checkExport } = await import("./exports.ts");
    const task = { project: await load(name), outlines: await outlinesOf(name), format, withPictures };
    return checkExport(task, signal);
  },

  /** The annotations as one file or a zip. */
  async exportFiles(
    name: string,
    format: ExportFormat,
    withPictures: boolean,
    { emit, signal }: CallContext<ImportEvent>,
  ): Promise<Packed> {
    const { makeExport } = await import("./exports.ts");
    const task = { project: await load(name), outlines: await outlinesOf(name), format, withPictures };
    return makeExport(task, signal, (done, total) => emit({ what: "Saving pictures", done, total }));
  },

  async thumbnail(name: string, index: number, { signal }: CallContext<never>): Promise<Handed<ImageBitmap>> {
    const project = await load(name);
    const bitmap = await (await openPicture(project, imageAt(project, index))).bitmap();
    signal.throwIfAborted();
    const scale = Math.min(1, THUMBNAIL_PIXELS / Math.min(bitmap.width, bitmap.height));
    const small = await createImageBitmap(bitmap, {
      resizeWidth: Math.max(1, Math.round(bitmap.width * scale)),
      resizeHeight: Math.max(1, Math.round(bitmap.height * scale)),
      resizeQuality: "medium",
    });
    bitmap.close();
    return new Handed(small, [small]);
  },

  /** A picture alone, of a project or not. */
  async bitmap(place: Place, _: CallContext<never>): Promise<Handed<ImageBitmap>> {
    const bitmap = await bitmapAt(place);
    return new Handed(bitmap, [bitmap]);
  },

  /** The picture, the part of it that is taken as tissue, and the true outlines that came with it. */
  async picture(
    name: string,
    index: number,
    _: CallContext<never>,
  ): Promise<Handed<{ bitmap: ImageBitmap; crop: Box; shape: Shape | undefined }>> {
    const project = await load(name);
    const image = imageAt(project, index);
    const picture = await openPicture(project, image);
    const [bitmap, grey] = await Promise.all([picture.bitmap(), picture.grey()]);
    const whole = { x0: 0, y0: 0, x1: image.width, y1: image.height };
    const crop = image.cropped ? whole : tissueRectangle(grey, "adaptive");
    const shape = (await outlinesOf(name)).get(image.file);
    return new Handed({ bitmap, crop, shape }, [bitmap]);
  },
} satisfies Methods;

export type ImagesApi = typeof images;
