/** The worker that keeps projects: reads images, draws thumbnails, saves annotations. */
import { isPhantom } from "../../src/data/phantom/scanner.ts";
import { phantomId, phantomImage } from "../../src/data/phantom/phantom.ts";
import { benignMalignant } from "../../src/data/classes.ts";
import { DataError, type Box } from "../../src/data/sample.ts";
import { tissueRectangle } from "../../src/data/tissue/crop.ts";
import { loadProject, projectsStore, requireFreeName, saveProject } from "../project/project-store.ts";
import type { Annotation, Project, ProjectImage } from "../project/project.ts";
import { hold, letGo, removeHalfMade, removeProject } from "../project/hold.ts";
import type { FileEntry } from "../../src/web/set-files.ts";
import { openPicture } from "./pictures.ts";
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
    for (let index = 0; index < count; index++) {
      // Lets the signal to stop arrive.
      await new Promise((resolve) => setTimeout(resolve));
      signal.throwIfAborted();
      const { width, height, boxes, label } = phantomImage(seed, index, { scanner });
      const id = phantomId(scanner, seed, index);
      images.push({
        ...{ id, file: id, width, height, cropped: false, notes: [] },
        ...{ label, boxes, empty: false, patient: "", side: null },
      });
      emit({ what: "Drawing", done: index + 1, total: count });
    }
    const project: Project = {
      format: "mganet-project-1",
      name,
      source: { kind: "phantom", scanner, seed },
      classes: benignMalignant,
      ...{ images, left: [], notes: [], twins: [] },
    };
    try {
      await save(project);
    } catch (error) {
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
    const { importSet } = await import("../project/import.ts");
    const store = projectsStore.folder(name);
    await hold(name);
    try {
      const onProgress = (what: string, done: number, total: number) => emit({ what, done, total });
      const project = await importSet({
        ...{ name, entries, store, onProgress, signal },
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

  /** The picture, and the part of it that is taken as tissue. */
  async picture(
    name: string,
    index: number,
    _: CallContext<never>,
  ): Promise<Handed<{ bitmap: ImageBitmap; crop: Box }>> {
    const project = await load(name);
    const image = imageAt(project, index);
    const picture = await openPicture(project, image);
    const [bitmap, grey] = await Promise.all([picture.bitmap(), picture.grey()]);
    const whole = { x0: 0, y0: 0, x1: image.width, y1: image.height };
    const crop = image.cropped ? whole : tissueRectangle(grey, "adaptive");
    return new Handed({ bitmap, crop }, [bitmap]);
  },
} satisfies Methods;

export type ImagesApi = typeof images;
